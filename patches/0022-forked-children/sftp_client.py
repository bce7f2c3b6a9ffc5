# adds after: hexlify
from paramiko._connection_end import raise_failure


class SFTPClient:
    # replaces statement: 1398a32dec9ee4d9
    def _async_request(self):
        # Before it asks for the lock: in a forked child, a thread that is not
        # there may hold that.
        raise_failure(self.sock)
        self._close_dropped_files()
