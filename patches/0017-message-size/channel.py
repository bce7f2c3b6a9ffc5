# adds after: ClosingContextManager
from paramiko._peer_limits import raise_limit


class Channel:
    # replaces statement: 2fe6596b137616c1
    def _set_window(self):
        self.in_max_packet_size = max_packet_size
        raise_limit(self.transport.packetizer, max_packet_size)
