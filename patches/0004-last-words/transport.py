# adds after: ClosingContextManager
from paramiko._connection_end import read_last_words


class Transport:
    # wraps: 67099931f46dca23 as __upstream_send_message
    def _send_message(self, data):
        try:
            self.__upstream_send_message(data)
        except ProxyCommandFailure:
            # The transport thread will meet the end when it reads.
            reads_on = read_last_words(self.sock)
            if not reads_on or threading.current_thread() is not self:
                raise

    # replaces statement: 4033f0f0414c047c
    def run(self):
        try:
            self.packetizer.write_all(b(self.local_version + "\r\n"))
        except ProxyCommandFailure:
            if not read_last_words(self.sock):
                raise
