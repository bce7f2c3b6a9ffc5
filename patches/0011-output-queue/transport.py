# adds after: ClosingContextManager
import math


class Transport:
    # replaces statement: eec118a8cc8e4f9e
    def __init__(self):
        # a destructor that the collector runs may take it again
        self.clear_to_send_lock = threading.RLock()
        #: Messages that wait for the end of a key exchange; their senders
        #: do not.
        self._posted = []

    # replaces statement: 79f219c3ed49e92c
    def _send_message(self):
        position = self.packetizer.queue_message(data)
        if getattr(data, "position", 0) is None:
            # Its sender flushes, when the lock is given back.
            data.position = position
            return
        on_loop = threading.current_thread() is self
        self.packetizer.flush(None if on_loop else position)

    # replaces statement: e43a63b179c4bdc5
    def __upstream_send_user_message(self):
        if not self.clear_to_send.is_set():
            self.clear_to_send.wait(0.1)

    # replaces statement: fa1f971021084e0b
    def __upstream_send_user_message(self):
        self._queue_user_message(data)

    # replaces statement: efac36c65f5766cd
    def _send_user_message(self):
        if threading.current_thread() is self:
            # Only this thread ends a key exchange.
            self._post_message(data)
        else:
            self.__upstream_send_user_message(data)
            position = getattr(data, "position", None)
            if position is None:
                raise_failure(self)  # it was dropped
            else:
                self.packetizer.flush(position)

    # adds after: _send_user_message
    def _queue_user_message(self, data):
        """
        Give a message its place in the order; you are holding the lock.
        """
        data.position = None
        # Not by itself: a program may have put its own method in that place.
        self._send_message(data)

    # adds after: _send_user_message
    def _post_message(self, data):
        """
        Send a message as soon as possible, without waiting for that.
        """
        if not self.active:
            return
        with self.clear_to_send_lock:
            if self.clear_to_send.is_set():
                self._queue_user_message(data)
            else:
                self._posted.append(data)
        # Whom other threads wait for is the program's business: they must not.
        on_loop = threading.current_thread() is self
        try:
            self.packetizer.flush(deadline=math.inf if on_loop else 0)
        except EOFError:
            # Closed by the program meanwhile: nobody is left to be sent to.
            if self.active:
                raise

    # replaces statement: 8f1fbf231c6e4806
    def _parse_newkeys(self):
        self.clear_to_send.set()
        while self._posted:
            self._queue_user_message(self._posted.pop(0))

    # replaces statement: 7187f0675eb38279
    def _parse_newkeys(self):
        self.packetizer.flush()
