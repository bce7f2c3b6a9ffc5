# adds after: AuthenticationException
from paramiko._connection_end import raise_failure


class AuthStrategy:
    # replaces statement: fef32082c982e1b3
    def authenticate(self):
        raise_failure(transport)
        result = e
