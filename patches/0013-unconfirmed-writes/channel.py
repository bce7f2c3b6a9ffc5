class ChannelFile:
    # adds after: _write
    def _get_end(self):
        return self.channel
