# adds after: ClosingContextManager
from paramiko._connection_end import reporting, reports_failure

# adds after: open_only
open_only = reporting(open_only)


class Channel:
    # adds after: recv_exit_status
    recv_exit_status = reports_failure(recv_exit_status, unanswered=-1)

    # adds after: send
    send = reports_failure(send, unanswered=0)

    # adds after: send_stderr
    send_stderr = reports_failure(send_stderr, unanswered=0)

    # adds after: _send
    def _send_if_connected(self, m):
        """
        Send what nobody waits for, and what is pointless without connection.
        """
        try:
            self.transport._send_user_message(m)
        except (SSHException, EOFError):
            if self.transport._failure is None:
                raise

    # adds after: _send
    def _enlarge_window(self, m):
        """
        Tell the peer of room.  Whatever comes of that, the data is returned.
        """
        try:
            self._send_if_connected(m)
        except EOFError:
            pass  # the next call is told

    # replaces statement: 7025d4fec4caf4c1
    def recv(self):
        self._enlarge_window(m)

    # replaces statement: 7025d4fec4caf4c1
    def recv_stderr(self):
        self._enlarge_window(m)

    # replaces statement: 7025d4fec4caf4c1
    def shutdown(self):
        self._send_if_connected(m)

    # replaces statement: 7025d4fec4caf4c1
    def close(self):
        self._send_if_connected(m)
