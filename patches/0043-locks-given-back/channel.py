# adds after: ClosingContextManager
from paramiko._lock import new_lock


class Channel:
    # replaces statement: 551c8711d967af86
    def __init__(self):
        self.lock = new_lock()
