# adds after: ClosingContextManager
from paramiko._patched.wire import channel_data


class Channel:
    # adds after: _send
    #: Whether such a message is on its way; ``clear_to_send_lock`` is held
    #: when these are looked at, and when they are changed.
    _is_eof_queued = _is_close_queued = False

    # adds after: _send
    #: Whether data is being sent, or was when that raised: then it may be on
    #: its way all the same.
    _is_handing_over = False

    # adds after: _send
    #: Whether another connection goes over this channel.
    _is_carrier = False

    # replaces: 05fe40e645ab6c9b
    def _send(self, s, m):
        return channel_data.send(self, s, m.asbytes())

    # wraps: 8951dc78c95bfbdb 6a1cfe69d19b71cd as __upstream_sendall
    def sendall(self, s):
        return channel_data.send_all(self, s, "send", self.__upstream_sendall)

    # wraps: cacc3fca50b01d99 c707e44c32d2fe9e as __upstream_sendall_stderr
    def sendall_stderr(self, s):
        return channel_data.send_all(
            self, s, "send_stderr", self.__upstream_sendall_stderr
        )

    # adds after: _send
    def _send_message(self, m):
        channel_data.send_message(self, m)

    # adds after: _send
    def _post_message(self, m):
        channel_data.post_message(self, m)

    # replaces statement: 89de54a4b8a16da5
    def _set_window(self):
        # The packet that exceeds it makes it a quarter: each update costs a
        # packet, and four of these are the whole window, on a long way too.
        self.in_window_threshold = max(
            window_size // 10, window_size // 4 - max_packet_size
        )

    # replaces statement: 7025d4fec4caf4c1
    def recv(self):
        channel_data.enlarge_window(self, m)

    # replaces statement: 7025d4fec4caf4c1
    def recv_stderr(self):
        channel_data.enlarge_window(self, m)

    # replaces statement: 7025d4fec4caf4c1
    def shutdown(self):
        self._post_message(m)

    # replaces statement: 7025d4fec4caf4c1
    def close(self):
        self._post_message(m)

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
