class BufferedPipe:
    # replaces statement: f08e822b3b8fd0cf
    def __init__(self):
        # a destructor that the collector runs may wake who waits here
        self._lock = threading.RLock()
