# adds after: Prefetches
from paramiko._pipelined_writes import (
    PipelinedWrites,
    take_answers,
    tell_refusal,
)


class SFTPFile:
    # adds after: MAX_REQUEST_SIZE
    # Gets the answers to writes on a proxied connection.
    _writes = None

    # replaces statement: ca3873a703ba454a
    def _write(self, data):
        sftp_async_request = self._ask_to_write(
            int64(self._realpos), data[:chunk]
        )

    # or replaces statement: 1a386a97654281f8
    def _write(self, data):
        sftp_async_request = self._ask_to_write(
            long(self._realpos), data[:chunk]
        )

    # replaces statement: 173c43e08faf1c50
    def _write(self, data):
        if self.pipelined and is_proxied(self.sftp.sock):
            break  # the next write takes what has come by then
        req = self._reqs.popleft()

    # adds after: _write
    def _ask_to_write(self, offset, piece):
        writes = type(None)
        if is_proxied(self.sftp.sock):
            take_answers(self)
            if self._writes is None:
                self._writes = PipelinedWrites(self.sftp)
            writes = self._writes
        return self.sftp._async_request(
            writes, CMD_WRITE, self.handle, offset, piece
        )

    # wraps: 1bec0fead068908d as __confirming_close
    def close(self):
        """
        Close the file once the server has confirmed or refused all writes.

        May block for as long as that takes; see `settimeout`.  Says once what
        became of them: a file that is closed again says nothing.

        :raises ProxyCommandFailure, socket.timeout:
            some are not confirmed, and were lost with the proxy, or may be.
        :raises IOError:
            over a proxy command, some of a pipelined file were refused.
        """
        closed_before = self._closed
        self.__confirming_close()
        if not closed_before:
            tell_refusal(self)
