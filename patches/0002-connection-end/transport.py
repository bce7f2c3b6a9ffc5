# adds after: ClosingContextManager
from paramiko._connection_end import (
    find_failure,
    is_explained,
    taking_turns_at_end,
)


class Transport:
    # adds after: stop_thread
    #: Why a proxied connection ended, unless the program closed it.  Set once,
    #: by the transport thread, before `active` turns false.
    _failure = None

    # adds after: stop_thread
    #: What has ended the read loop, and what the server said at the end.
    _loop_ended_by = _disconnect_text = None

    # adds after: stop_thread
    def _end_connection(self):
        """
        Store the reason, turn inactive, and wake everybody: in this order.

        Somebody who is woken asks at once whether the connection is active.
        Only the transport thread calls this, when its loop has ended.
        """
        if self.active:
            self._failure = find_failure(
                self.sock, self._loop_ended_by, self._disconnect_text
            )
        if self.active:
            # not closed by another thread meanwhile
            self.active = False
            ended_by = self._loop_ended_by
            if self._failure is not None and (
                ended_by is None or isinstance(ended_by, EOFError)
            ):
                # the only ends that nothing above has logged
                self._log(ERROR, "Connection lost: {}".format(self._failure))
        else:
            self._failure = None
        with taking_turns_at_end(self.sock):
            self._wake_everybody()

    # adds after: stop_thread
    def _wake_everybody(self):
        """
        Tell all who wait for the connection, and give back what it holds.
        """
        channels = list(self._channels.values())
        for channel in channels:
            channel._unlink()
        events = [self.completion_event] + list(self.channel_events.values())
        for event in filter(None, events):
            event.set()
        if self.auth_handler is not None:
            self.auth_handler.abort()
        # Wakes a sender that is stuck on a full pipe, who may hold the lock
        # that the condition needs.
        self.packetizer.close()
        with self.server_accept_cv:
            self.server_accept_cv.notify_all()

    # replaces statement: 929ffe2a460b258f
    def run(self):
        self._end_connection()
        _active_threads.remove(self)

    # replaces statement: bea7d7f2771f2bf6 each of 4
    def run(self):
        self.saved_exception = self._loop_ended_by = e

    # replaces statement: 8666a64bfd06b6e4 1 of 2
    def run(self):
        # A dead proxy is no bug in here: its message says it all.
        if not is_explained(self.sock, e):
            self._log(ERROR, util.tb_strings())

    # wraps: 65b050e8fa162764 as __upstream_parse_disconnect
    def _parse_disconnect(self, m):
        self.__upstream_parse_disconnect(m)
        m.rewind()
        m.get_int()
        self._disconnect_text = m.get_text()

    # replaces statement: 37dae0797e8a0b86
    def _parse_channel_open_success(self, m):
        chan = self._channels.get(chanid)
        if chan is None and not self.active:
            # The program has closed all channels meanwhile.
            return
