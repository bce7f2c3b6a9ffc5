# adds after: BufferedFile
from paramiko._patched.sftp import prefetches, writes

# adds after: BufferedFile
from paramiko._patched.sftp.router import NOBODY


class SFTPFile:
    # adds after: MAX_REQUEST_SIZE
    # What is asked for in advance, and the answers to what is written.
    _prefetch = _writes = None

    # replaces: 0391267d3a5bed6b 42e27cd8deb93a49
    def _write(self, data):
        return writes.write(self, data)

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
            writes.end(self)

    # replaces statement: 9ecb0e853dc12d4f
    def _close(self):
        self.sftp._async_request(NOBODY, CMD_CLOSE, self.handle)

    # wraps: ab18810ac445439e as __upstream_read_prefetch
    def _read_prefetch(self, size):
        prefetches.await_data(self)
        data = self.__upstream_read_prefetch(size)
        prefetches.go_on(self)
        return data

    # adds after: _prefetch_thread
    # To find out whether a program has put its own in the place of it.
    __upstream_prefetch_thread = _prefetch_thread

    # wraps: 4725d8584ea8814b as __upstream_start_prefetch
    def _start_prefetch(self, chunks, max_concurrent_requests=None):
        if prefetches.is_replaced(self, self.__upstream_prefetch_thread):
            self.__upstream_start_prefetch(chunks, max_concurrent_requests)
        else:
            prefetches.start(self, chunks, max_concurrent_requests)

    # wraps: 0571ed28f3558db3 as __upstream_start_prefetch
    def _start_prefetch(self, chunks):
        if prefetches.is_replaced(self, self.__upstream_prefetch_thread):
            self.__upstream_start_prefetch(chunks)
        else:
            prefetches.start(self, chunks)
