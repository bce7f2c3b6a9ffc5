# adds after: ClosingContextManager
from paramiko._queued_bytes import move_behind, queued


class BufferedFile:
    # adds after: _write_all
    def _claim_queued(self):
        """
        (subclass override)
        Return how much of what is being written will be sent, although
        writing it has raised.
        """
        return 0

    # replaces statement: 99025b6b74b51d2a
    def __upstream_write_all(self):
        size = len(data)
        # No call between the two, nor below: a signal handler that raises
        # there would make them contradict each other.
        queued.size = 0
        self._unwritten = size

    # replaces statement: 9e0de9252d59d6df
    def __upstream_write_all(self):
        queued.size = 0
        self._unwritten -= count

    # replaces statement: df2e2acc71755db3
    def _write_all(self):
        count = min(self._claim_queued(), self._unwritten)
        move_behind(self, count)
        written = len(raw_data) - self._unwritten + count
