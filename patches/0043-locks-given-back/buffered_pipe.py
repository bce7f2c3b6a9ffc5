# adds after: b
from paramiko._lock import new_lock


class BufferedPipe:
    # replaces statement: f08e822b3b8fd0cf
    def __init__(self):
        self._lock = new_lock()
