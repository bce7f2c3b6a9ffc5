# adds after: SSHException
from paramiko._connection_end import raise_failure


class AuthHandler:
    # replaces statement: 2cf7a99fde74f635 1 of 2
    def wait_for_response(self):
        raise_failure(self.transport)
        e = self.transport.get_exception()
