class Channel:
    # replaces statement: 7025d4fec4caf4c1
    def _send_if_connected(self):
        self.transport._post_message(m)
