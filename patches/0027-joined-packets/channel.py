# adds after: ClosingContextManager
from paramiko._joined_packets import rest_is_next, send_whole


class Channel:
    # adds after: _send
    #: The thread that sends a whole string on this channel, piece by piece.
    _sending_all = None

    # replaces statement: 3391183ceb43e48e
    def _send(self):
        m.add_string(s[:size])
        m.rest_is_next = rest_is_next(self, len(s) - size)

    # wraps: f835f42260379c19 228aba0ea153e940 as __upstream_sendall
    def sendall(self, s):
        return send_whole(self, self.__upstream_sendall, s)

    # wraps: 2577743c64ef34d6 3042f4efa72e4c12 as __upstream_sendall_stderr
    def sendall_stderr(self, s):
        return send_whole(self, self.__upstream_sendall_stderr, s)


class ChannelFile:
    # adds after: _write
    def _write_all(self, raw_data):
        send_whole(self.channel, super()._write_all, raw_data)
