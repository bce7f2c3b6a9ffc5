# adds after: ClosingContextManager
from paramiko._peer_limits import one_line


class Transport:
    # replaces statement: c250034fbdb18b1e
    def _log(self):
        self.logger.log(level, one_line(m))

    # replaces statement: a0b6f492164e1c3c
    def _log(self):
        self.logger.log(level, one_line(msg), *args)
