# adds after: Channel
class _End:
    """
    That of a channel, or of what we send on it, and whether it is on its way.

    Not the message that says so: the collector closes what that consists of
    together with the channel, before it is sent.
    """

    is_queued = False


class Channel:
    # replaces statement: cfd5b673546c6d42
    def __init__(self):
        self.remote_chanid = 0
        self._end_of_input, self._end_of_channel = _End(), _End()

    # replaces statement: 7586f55e6e9ab94c
    def _send_eof(self):
        m.add_byte(cMSG_CHANNEL_EOF)
        m.end = self._end_of_input

    # replaces statement: 5b2c271d6abad5a3
    def _close_internal(self):
        m2 = Message()
        m2.end = self._end_of_channel

    # adds after: _send_if_connected
    #: Whether a piece of data is being sent, or was when that raised: then it
    #: may be on its way all the same.
    _is_handing_over = False

    # adds after: _send_if_connected
    #: Whether another connection goes over this channel.
    _is_carrier = False

    # adds after: _send_if_connected
    def _hand_over(self, m):
        """
        Send data: to a carrier without waiting until it is written.
        """
        if self._is_carrier:
            self.transport._post_message(m)
        else:
            self.transport._send_user_message(m)

    # adds after: _send_if_connected
    def _send_message(self, m):
        """
        Send a message of this channel, unless it would be behind its CLOSE.
        """
        self.transport._send_user_message(self._before_close(m))

    # adds after: _send_if_connected
    def _before_close(self, m):
        """
        Return a message, which from now on knows what it must not follow.
        """
        # Not the channel: what is queued must not keep that alive.
        m.must_precede = (self._end_of_channel,)
        return m

    # replaces statement: 8f8d5a5142cb3717
    def _send_if_connected(self):
        self.transport._post_message(self._before_close(m))

    # replaces statement: 7025d4fec4caf4c1
    def _send(self):
        m.must_precede = (self._end_of_input, self._end_of_channel)
        self._is_handing_over = True
        self._hand_over(m)
        self._is_handing_over = False

    # replaces statement: 2bb70c251f1685de
    def _send(self):
        if getattr(m, "is_too_late", False):
            raise socket.error("Socket is closed")
        return size

    # replaces statement: 7025d4fec4caf4c1
    def get_pty(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def invoke_shell(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def exec_command(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def invoke_subsystem(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def resize_pty(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def set_environment_variable(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def send_exit_status(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def request_x11(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def request_forward_agent(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def _request_failed(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def _handle_request(self):
        self._send_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def _handle_close(self):
        self._send_message(m)
