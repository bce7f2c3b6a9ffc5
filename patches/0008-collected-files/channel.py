class Channel:
    # replaces statement: e115c109a983be9a
    def __init__(self):
        # a destructor that the collector runs may take it again
        self.lock = threading.RLock()
