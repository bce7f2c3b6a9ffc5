class Packetizer:
    # wraps: a3ed713dd69acfbe as __upstream_close
    def close(self):
        if self.__timer is not None:
            self.__timer.cancel()
        self.__upstream_close()
