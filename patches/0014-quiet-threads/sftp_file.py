# adds after: BufferedFile
from paramiko._connection_state import ends_quietly


class SFTPFile:
    # adds after: _prefetch_thread
    _prefetch_thread = ends_quietly(_prefetch_thread)
