class BufferedPipe:
    # replaces statement: 656e98c57883f738
    def __init__(self):
        # Not an array: a bytearray drops its front without moving the rest.
        self._buffer = bytearray()

    # adds after: set_event
    def _buffer_frombytes(self, data):
        self._buffer.extend(data)

    # adds after: set_event
    def _buffer_tobytes(self, limit=None):
        return bytes(memoryview(self._buffer)[:limit])
