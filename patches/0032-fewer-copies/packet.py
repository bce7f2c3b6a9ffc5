class Packetizer:
    # replaces statement: 3a4db9fa8ab0d777
    def send_message(self):
        # The length, which is not encrypted, goes in front at the end: every
        # concatenation copies the whole packet.
        out = self.__block_engine_out.update(memoryview(packet)[4:])

    # replaces statement: 99ae3ed488223008
    def send_message(self):
        length = packet[:4] if self.__etm_out else b""
        packed += length
        mac = HMAC(self.__mac_key_out, packed, self.__mac_engine_out)
        mac.update(out if self.__etm_out else packet)

    # replaces statement: 184609a662a4ee5d
    def send_message(self):
        out = b"".join((length, out, mac.digest()[: self.__mac_size_out]))

    # replaces statement: f32eca02b84c9b0e
    def _build_packet(self):
        # What is added below is the padding; all is joined at the end.
        head, packet = packet, b""

    # replaces statement: ace712fdb472d2ee
    def _build_packet(self):
        return b"".join((head, payload, packet))
