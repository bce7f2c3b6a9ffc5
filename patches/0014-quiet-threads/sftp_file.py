# adds after: BufferedFile
from paramiko._connection_state import ends_quietly


class SFTPFile:
    # adds after: _prefetch_thread
    _prefetch_thread = ends_quietly(_prefetch_thread)

    # replaces statement: c1cad1a05dc61b98
    def _prefetch_thread(self):
        if self._closed or getattr(self.sftp.sock, "_closed", False):
            return  # there will be no more answers, or nobody reads them
        time.sleep(io_sleep)
