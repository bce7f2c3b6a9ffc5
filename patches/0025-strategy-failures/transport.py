# adds after: ClosingContextManager
from paramiko.ssh_exception import AuthenticationException


class ServiceRequestingTransport:
    # adds after: auth_none
    auth_none = reports_failure(auth_none)

    # adds after: auth_password
    auth_password = reports_failure(auth_password)

    # adds after: auth_publickey
    auth_publickey = reports_failure(auth_publickey)

    # adds after: auth_interactive
    auth_interactive = reports_failure(auth_interactive)

    # replaces statement: 831fca502fae88b8
    def auth_password(self):
        raise_failure(self)
        raise e

    # replaces statement: 2a89e3237289d081
    def ensure_session(self):
        self._send_message(m)
        started = time.time()

    # replaces statement: cd582cca6274a2cc
    def ensure_session(self):
        time.sleep(0.1)
        raise_failure(self)
        # Nobody else would tell this loop of a close, or of the limit.
        if not self.active:
            raise SSHException("No existing session")
        limit = self.auth_timeout
        if limit is not None and time.time() - started >= limit:
            raise AuthenticationException("Authentication timeout.")
