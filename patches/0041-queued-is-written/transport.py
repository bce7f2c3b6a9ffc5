class Transport:
    # replaces statement: 4fac91a3bf5d89b1
    def _queue_user_message(self):
        self.packetizer.queue_message(data)
        data.is_queued = True
