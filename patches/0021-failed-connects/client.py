# adds after: ClosingContextManager
from paramiko._client_life import closes_failed


class SSHClient:
    # adds after: connect
    #: Whether the last connect got as far as authentication.
    _host_key_accepted = False

    # adds after: connect
    connect = closes_failed(connect)

    # replaces statement: d0483674889661e6
    def connect(self):
        if username is None:
            username = getpass.getuser()
        self._host_key_accepted = True
