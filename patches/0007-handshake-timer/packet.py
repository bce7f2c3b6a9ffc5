class Packetizer:
    # wraps: a3ed713dd69acfbe as __upstream_close
    def close(self):
        # once, since the end of the handshake may take it away meanwhile
        timer = self.__timer
        if timer is not None:
            timer.cancel()
        self.__upstream_close()

    # wraps: 6db5753e1f789ce4 as __upstream_complete_handshake
    def complete_handshake(self):
        self.__upstream_complete_handshake()
        # a timer is a thread with two events: three kilobytes until the end
        self.__timer = None
