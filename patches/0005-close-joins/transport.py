class Transport:
    # replaces: 0acec9b17d8fc09c d043535da1394486
    def stop_thread(self):
        # Upstream goes on to ask the socket, in a loop that has already been
        # ended by the line before: not every socket can answer.
        self.active = False
        self.packetizer.close()

    # adds after: close
    #: How long, in seconds, `close` waits for the transport thread.  It wakes
    #: at once, or after a tenth of a second if it reads a plain socket.
    _close_join_timeout = 2.0

    # wraps: 1a062eb5859c70f3 as __upstream_close
    def close(self):
        """
        Close this session, its channels and its socket; wait for the thread.

        May be called in any state, from any thread and more than once.  Blocks
        for two seconds at the most; from the transport thread itself it does
        not wait.
        """
        self.__upstream_close()
        self.packetizer.close()
        if self.is_alive() and self is not threading.current_thread():
            self.join(self._close_join_timeout)
