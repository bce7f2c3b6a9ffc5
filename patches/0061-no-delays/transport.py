# adds after: ClosingContextManager
from paramiko._patched.wire.delays import acknowledge, send_at_once


class Transport:
    # replaces statement: d20f9380f0881cf4
    def __init__(self):
        sock.connect((hostname, port))
        send_at_once(sock)

    # or replaces statement: a7a7a4231a5a2aee
    def __init__(self):
        retry_on_signal(lambda: sock.connect((hostname, port)))
        send_at_once(sock)

    # replaces statement: c0572f64e841c280
    def start_client(self):
        self.active = True
        self.packetizer.may_hold = True

    # replaces statement: 43bf16400661c69a
    def _parse_global_request(self):
        kind = m.get_text()
        acknowledge(self, kind)
