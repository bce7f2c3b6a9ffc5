# adds after: ClosingContextManager
from paramiko._peer_limits import refuse_channel


class Transport:
    # wraps: 37a16276a061af25 as __upstream_parse_channel_open
    def _parse_channel_open(self, m):
        if not refuse_channel(self, m):
            self.__upstream_parse_channel_open(m)
