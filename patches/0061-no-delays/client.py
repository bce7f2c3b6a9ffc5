# adds after: ClosingContextManager
from paramiko._patched.wire.delays import send_at_once


class SSHClient:
    # replaces statement: 15d87048713cfc49
    def connect(self):
        sock.connect(addr)
        send_at_once(sock)

    # or replaces statement: 99aef6cdff51c7c2
    def connect(self):
        retry_on_signal(lambda: sock.connect(addr))
        send_at_once(sock)
