# adds after: ClosingContextManager
from paramiko._peer_limits import one_line


class Channel:
    # replaces statement: 70de41020258d236
    def _log(self):
        prefix = "[chan {}] ".format(self._name)
        self.logger.log(level, prefix + one_line(msg), *args)
