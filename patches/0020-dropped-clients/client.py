# adds after: ClosingContextManager
from paramiko._client_life import warn_if_unclosed


class SSHClient:
    # adds after: close
    __del__ = warn_if_unclosed
