# adds after: BufferedFile
from paramiko._prefetches import Prefetches


class SFTPFile:
    # replaces statement: 1b98fa5a8d6a5101
    def __init__(self):
        self._prefetch_lock = threading.Lock()
        self._prefetches = Prefetches(
            self._prefetch_lock, self._prefetch_extents
        )

    # replaces statement: c1a7923d848188d6
    def _read_prefetch(self):
        if self._closed or not self._prefetches.wait_for_request():
            break

    # replaces statement: a825a6e74ac8d217
    def _start_prefetch(self):
        chunks = self._prefetches.announce(chunks)
        t = threading.Thread(
            target=self._run_prefetch, args=(chunks, max_concurrent_requests)
        )

    # or replaces statement: fb3f05bf19c022e8
    def _start_prefetch(self):
        chunks = self._prefetches.announce(chunks)
        t = threading.Thread(target=self._run_prefetch, args=(chunks,))

    # replaces statement: 9add5811f697e450
    def _start_prefetch(self):
        try:
            t.start()
        except BaseException:
            # There is no thread, or nobody who waits for what it asks.
            self._prefetches.end(chunks)
            raise

    # adds after: _start_prefetch
    def _run_prefetch(self, prefetch, *limit):
        if self._prefetch_thread.__module__ == __name__:
            # One that a program puts in its place enters requests by itself.
            self._prefetches.begin(prefetch)
        try:
            self._prefetch_thread(prefetch, *limit)
        finally:
            self._drop_unsent(prefetch.sending)
            self._prefetches.end(prefetch)

    # adds after: _start_prefetch
    def _drop_unsent(self, num):
        # An answer that has been taken already finds what it is to.
        with self.sftp._lock:
            if self.sftp._expecting.get(num) is self:
                del self.sftp._expecting[num]
                self._prefetches.forget(num)

    # replaces statement: 7e08e47e23ff55fc
    def _prefetch_thread(self):
        self._prefetches.sent(num, offset, length)

    # wraps: bee830d95a598aa6 as __upstream_async_response
    def _async_response(self, t, msg, num):
        try:
            self.__upstream_async_response(t, msg, num)
        finally:
            # Nor does a status, or what makes no sense, leave it unanswered.
            self._prefetches.forget(num)
