# adds after: SSHException
from paramiko._peer_limits import (
    MESSAGE_LIMIT_SIZE,
    check_line,
    check_size,
)


class Packetizer:
    # adds after: REKEY_BYTES_OVERFLOW_MAX
    #: The longest message, in bytes, that the peer may send.
    message_limit = MESSAGE_LIMIT_SIZE

    # replaces statement: 81bf88935db281ff each of 3
    def __upstream_read_message(self):
        packet_size = struct.unpack(">I", header[:4])[0]
        check_size(self, packet_size)

    # or replaces statement: 81bf88935db281ff each of 2
    def __upstream_read_message(self):
        packet_size = struct.unpack(">I", header[:4])[0]
        check_size(self, packet_size)

    # replaces statement: 0f3a2bd6a371c61b
    def __upstream_readline(self):
        buf = check_line(buf + self._read_timeout(timeout))
