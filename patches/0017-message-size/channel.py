class Channel:
    # replaces statement: 2fe6596b137616c1
    def _set_window(self):
        self.in_max_packet_size = max_packet_size
        packetizer = self.transport.packetizer
        admitted = packetizer.admitted_size
        packetizer.admitted_size = max(admitted, max_packet_size)
