# adds after: SSHException
from paramiko._connection_end import check_message_size


class Packetizer:
    # adds after: closed
    #: The largest max_packet_size, in bytes, that the peer was told.
    admitted_size = 0

    # replaces statement: 81bf88935db281ff each of 3
    def __upstream_read_message(self):
        packet_size = struct.unpack(">I", header[:4])[0]
        check_message_size(self.__socket, packet_size, self.admitted_size)

    # or replaces statement: 81bf88935db281ff each of 2
    def __upstream_read_message(self):
        packet_size = struct.unpack(">I", header[:4])[0]
        check_message_size(self.__socket, packet_size, self.admitted_size)
