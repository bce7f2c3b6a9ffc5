# adds after: ClosingContextManager
from paramiko.ssh_exception import ProxyCommandFailure


class BufferedFile:
    # adds after: _read
    def _read_or_keep(self, size, taken, counted=0):
        """
        Read on; should the proxy be dead, keep what has been taken so far.

        :param bytes taken: what the caller has, and has not returned yet
        :param int counted: how much of that `tell` counts as returned
        """
        try:
            return self._read(size)
        except ProxyCommandFailure as e:
            self._rbuffer = e.partial = bytes(taken)
            self._pos -= counted
            raise

    # replaces statement: d99471e3b0a77d20
    def read(self):
        new_data = self._read_or_keep(
            self._DEFAULT_BUFSIZE, result, counted=len(result)
        )

    # replaces statement: 5400f8d4e2a1ed26
    def read(self):
        new_data = self._read_or_keep(read_size, self._rbuffer)

    # replaces statement: 22597cc8b3ee51b3
    def readline(self):
        new_data = self._read_or_keep(n, line)

    # replaces statement: d1eb695076d62cb2
    def readlines(self):
        try:
            line = self.readline()
        except ProxyCommandFailure as e:
            # in text mode the lines are decoded
            lines = [x.encode() if isinstance(x, str) else x for x in lines]
            self._pos -= byte_count
            self._rbuffer = e.partial = b"".join(lines) + self._rbuffer
            raise
