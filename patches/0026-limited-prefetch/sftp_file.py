class SFTPFile:
    # replaces statement: c1cad1a05dc61b98
    def _prefetch_thread(self):
        if self._closed or getattr(self.sftp.sock, "_closed", False):
            return  # there will be no more answers, or nobody reads them
        time.sleep(io_sleep)
