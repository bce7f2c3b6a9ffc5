# adds after: ClosingContextManager
from paramiko._default_keepalive import default_keepalive


class Transport:
    # replaces statement: b20c9173901609d6
    def __init__(self):
        self.subsystem_table = {}
        keepalive = default_keepalive(sock)
        if keepalive is not None:
            # Not by ``self``: a subclass may know no ``count_max``.
            Transport.set_keepalive(self, *keepalive)
