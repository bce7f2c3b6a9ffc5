class SFTPFile:
    # replaces statement: c1cad1a05dc61b98
    def _prefetch_thread(self):
        self._prefetches.wait_for_room(max_concurrent_requests, io_sleep)
