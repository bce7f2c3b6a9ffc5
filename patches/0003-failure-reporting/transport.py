# adds after: ClosingContextManager
from paramiko._connection_end import (
    limits_handshake,
    raise_failure,
    reports_failure,
)


class Transport:
    # adds after: start_client
    start_client = limits_handshake(reports_failure(start_client))

    # adds after: open_channel
    open_channel = reports_failure(open_channel)

    # adds after: request_port_forward
    request_port_forward = reports_failure(request_port_forward)

    # replaces statement: 7187f0675eb38279
    def cancel_port_forward(self):
        raise_failure(self)
        return

    # adds after: get_remote_server_key
    get_remote_server_key = reports_failure(get_remote_server_key)

    # adds after: renegotiate_keys
    renegotiate_keys = reports_failure(renegotiate_keys)

    # adds after: accept
    accept = reports_failure(accept, unanswered=None)

    # replaces statement: 260ccbf1073b0577
    def accept(self):
        # Nobody would notify about a connection that has ended before.
        raise_failure(self)
        self.server_accept_cv.wait(timeout)

    # adds after: auth_none
    auth_none = reports_failure(auth_none)

    # adds after: auth_password
    auth_password = reports_failure(auth_password)

    # adds after: auth_publickey
    auth_publickey = reports_failure(auth_publickey)

    # adds after: auth_interactive
    auth_interactive = reports_failure(auth_interactive)

    # wraps: cdbdef4eed8d1bcc as __upstream_send_user_message
    @reports_failure
    def _send_user_message(self, data):
        self.__upstream_send_user_message(data)

    # replaces statement: 831fca502fae88b8
    def auth_password(self):
        raise_failure(self)
        raise e
