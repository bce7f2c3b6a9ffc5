# adds after: ClosingContextManager
from paramiko._connection_end import raise_failure


class SSHClient:
    # replaces statement: 67f42c5f568c7dec each of 6
    def _auth(self):
        raise_failure(self._transport)
        saved_exception = e

    # or replaces statement: 67f42c5f568c7dec each of 8
    def _auth(self):
        raise_failure(self._transport)
        saved_exception = e
