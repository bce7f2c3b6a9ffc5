# adds after: ClosingContextManager
from paramiko._connection_state import is_cut_short

# adds after: ClosingContextManager
from paramiko.ssh_exception import ProxyCommandFailure


class BufferedFile:
    # adds after: _read
    def _read_or_keep(self, size, taken, counted=0):
        """
        Read on; should that be cut short, keep what has been taken so far.

        :param bytes taken: what the caller has, and has not returned yet
        :param int counted: how much of that `tell` counts as returned
        """
        try:
            return self._read(size)
        except BaseException as e:
            if is_cut_short(self._get_end(), e):
                self._rbuffer = bytes(taken)
                self._pos -= counted
                if isinstance(e, ProxyCommandFailure):
                    e.partial = self._rbuffer
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
        except BaseException as e:
            if is_cut_short(self._get_end(), e):
                # in text mode the lines are decoded
                read = [
                    line.encode() if isinstance(line, str) else line
                    for line in lines
                ]
                self._pos -= byte_count
                self._rbuffer = b"".join(read) + self._rbuffer
                if isinstance(e, ProxyCommandFailure):
                    e.partial = self._rbuffer
            raise
