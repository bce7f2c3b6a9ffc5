# adds after: ClosingContextManager
from paramiko._lock import new_lock


class Transport:
    # replaces statement: e115c109a983be9a
    def __init__(self):
        self.lock = new_lock(reentrant=False)

    # replaces statement: ea73a9b6bc1ad44d
    def __init__(self):
        self.clear_to_send_lock = new_lock()


class ChannelMap:
    # replaces statement: f08e822b3b8fd0cf
    def __init__(self):
        self._lock = new_lock()
