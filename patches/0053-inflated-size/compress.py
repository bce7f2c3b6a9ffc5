# adds after: zlib
from paramiko._peer_limits import MESSAGE_LIMIT_SIZE, inflate


class ZlibDecompressor:
    # adds after: __init__
    #: The most, in bytes, that a message may become.
    limit = MESSAGE_LIMIT_SIZE

    # replaces statement: 1b67724d8b48e4df
    def __call__(self):
        return inflate(self.z, data, self.limit)
