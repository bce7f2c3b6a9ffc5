class Channel:
    # adds after: _unlink
    #: Why the connection ended before the channel did.
    _failure = None

    # adds after: _unlink
    #: Whether the peer closed the channel first.
    _is_closed_by_peer = False

    # replaces statement: e0a6a32d53a3ef17
    def _handle_close(self):
        self._is_closed_by_peer = not self.closed
        msgs = self._close_internal()

    # wraps: ff0b5191d110d3d9 as __upstream_unlink
    def _unlink(self):
        if self.transport is None:
            # Known to the transport, but not yet set up by who opens it, and
            # who will see for himself that the connection has ended.
            with self.lock:
                self._set_closed()
            return
        failure = self.transport._failure
        if failure is not None and not self.closed:
            self._fail(failure)
        self.__upstream_unlink()

    # adds after: _unlink
    def _fail(self, failure):
        """
        Let all calls raise the failure, from when the channel is closed.
        """
        self._failure = failure
        for stream in (self.in_buffer, self.in_stderr_buffer):
            # A stream that the server has ended stays ended.
            if not stream._closed:
                stream._failure = failure
