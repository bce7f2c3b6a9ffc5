class Channel:
    # adds after: _send
    #: What an SFTP session over a proxy command sends here, once it does.
    _sftp_packets = None

    # replaces statement: b4966a750b123673
    def _send(self):
        m.rest_is_next = rest_is_next(self, len(s) - size)
        if self._sftp_packets is not None:
            m.sftp_packets = self._sftp_packets
            m.sftp_packets.in_hand = size
