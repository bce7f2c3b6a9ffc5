class Packetizer:
    # replaces statement: 58173b6e49bed707
    def __upstream_read_message(self):
        self.__compress_engine_in.limit = self.message_limit
        payload = self.__compress_engine_in(payload)
