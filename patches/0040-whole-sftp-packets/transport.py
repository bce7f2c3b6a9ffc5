class Transport:
    # replaces statement: 4fac91a3bf5d89b1
    def _queue_user_message(self, data):
        packets = getattr(data, "sftp_packets", None)
        if packets is None:
            self.packetizer.queue_message(data)
        else:
            # A signal handler may raise in it.
            packets.is_queued = None
            self.packetizer.queue_message(data)
            packets.is_queued = True
