class Channel:
    # replaces statement: 9463c09a9c358727
    def _feed(self):
        s = self._within_window(m.get_binary())

    # replaces statement: 9463c09a9c358727
    def _feed_extended(self):
        s = self._within_window(m.get_binary())

    # adds after: _feed_extended
    def _within_window(self, data):
        """
        Return what the peer has sent, unless it was not to send so much.

        :raises SSHException: it has sent a tenth more than it may.
        """
        if len(data) > self._room_in_window():
            text = (
                "Channel {}: the peer sends more than its window of {} bytes"
            )
            raise SSHException(text.format(self.chanid, self.in_window_size))
        return data

    # adds after: _feed_extended
    def _room_in_window(self):
        """
        Return how much the peer may still send, and the tenth beyond.

        What a reader takes at this moment may be missed, and in this order
        nothing is counted twice: who keeps to the window is never refused.
        """
        held = self.in_window_sofar
        # Without the locks of the buffers, for which readers wait as well.
        held += len(self.in_buffer) + len(self.in_stderr_buffer)
        return self.in_window_size + self.in_window_size // 10 - held
