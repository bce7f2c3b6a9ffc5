# adds after: ClosingContextManager
from paramiko._peer_limits import read_count


class Transport:
    # wraps: d0404dcb464c277a as __upstream_parse_ext_info
    def _parse_ext_info(self, msg):
        read_count(msg, "EXT_INFO", 8)
        msg.rewind()
        self.__upstream_parse_ext_info(msg)
