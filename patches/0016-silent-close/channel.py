# adds after: ClosingContextManager
from paramiko._connection_state import is_proxied


class Channel:
    # adds after: _send_if_connected
    def _say_goodbye(self, m):
        try:
            self._send_if_connected(m)
        except (SSHException, EOFError):
            if not is_proxied(self):
                raise

    # wraps: 202a8318228a63ed as __report_send_if_connected
    def _send_if_connected(self, m):
        try:
            self.__report_send_if_connected(m)
        except (SSHException, EOFError):
            # Closed by the program meanwhile: nobody is left to be sent to.
            if self.transport.active or not is_proxied(self):
                raise

    # replaces statement: 893fc6403e6c63ba
    def shutdown(self):
        self._say_goodbye(m)

    # replaces statement: 893fc6403e6c63ba
    def close(self):
        self._say_goodbye(m)
