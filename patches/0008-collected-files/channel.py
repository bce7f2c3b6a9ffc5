class ChannelFile:
    # adds after: __repr__
    def __del__(self):
        # The collector may run this in a thread that is inside the channel,
        # and has its lock.  Others do not keep it for as long as this.
        if self.channel.lock.acquire(timeout=0.2):
            self.channel.lock.release()
            super().__del__()
        else:
            close = super().__del__
            threading.Thread(target=close, daemon=True).start()
