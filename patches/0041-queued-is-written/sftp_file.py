# adds after: BufferedFile
from paramiko._queued_bytes import is_awaited, queued_bytes


class SFTPFile:
    # replaces statement: 77d50c26b79840f8
    def _ask_to_write(self):
        writes = self._writes
        # or a later one, should another thread be quicker
        self._next_request = self.sftp.request_number

    # adds after: _write
    def _claim_queued(self):
        # Others write the same to the same place again, which is no harm.
        if self._flags & self.FLAG_APPEND and queued_bytes(self.sftp.sock):
            # A request is sent as a whole, and may have been refused.
            if is_awaited(self, self._next_request):
                return self.MAX_REQUEST_SIZE
        return 0
