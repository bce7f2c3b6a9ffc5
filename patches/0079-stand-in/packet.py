class Packetizer:
    # adds after: close
    short_way = None

    # wraps: f28a6ba807d10670 as __long_read_message
    def read_message(self):
        while True:
            ptype, m = self.__long_read_message()
            if not (93 <= ptype <= 95 and self.short_way is not None):
                return ptype, m
            payload = bytes([ptype]) + m.asbytes()
            if not self.short_way.take(memoryview(payload)):
                return ptype, m
            self.short_way.deliver()

    # wraps: 43997c0ee80581d5 as __queue_a_message
    def queue_message(self, data):
        from paramiko.message import Message

        if isinstance(data, bytes):
            data = Message(data)
        return self.__queue_a_message(data)
