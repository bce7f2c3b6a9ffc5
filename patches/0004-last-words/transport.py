# adds after: ClosingContextManager
from paramiko._connection_end import read_last_words


class Transport:
    # replaces statement: 4033f0f0414c047c
    def run(self):
        try:
            self.packetizer.write_all(b(self.local_version + "\r\n"))
        except ProxyCommandFailure:
            if not read_last_words(self.sock):
                raise
