# adds after: b
from paramiko._arrived_bytes import ArrivedBytes


class BufferedPipe:
    # replaces statement: 656e98c57883f738
    def __init__(self):
        self._buffer = ArrivedBytes()
