# adds after: Message
from paramiko._lock import new_lock


class Packetizer:
    # replaces statement: 799d9e6e288fb0d7
    def __upstream_init(self):
        self.__write_lock = new_lock()
