# adds after: Message
from paramiko._connection_state import is_proxied


class BaseSFTP:
    # adds after: _read_all
    #: What has been read of the packet that is being read, if that is kept.
    _taken = None

    # adds after: _read_all
    #: The beginning of a packet whose reading was interrupted.
    _unread = bytes()

    # adds after: _read_all
    def _receive(self, n):
        if self._unread:
            data, self._unread = self._unread[:n], self._unread[n:]
        else:
            data = self.sock.recv(n)
        if self._taken is not None:
            self._taken += data
        return data

    # replaces statement: a956d3a0a4514775 2 of 2
    def _read_all(self):
        x = self._receive(n)

    # wraps: 6b5e534f3ad1939c as __upstream_read_packet
    def _read_packet(self):
        if not is_proxied(self.sock):
            return self.__upstream_read_packet()
        self._taken = bytes()
        try:
            return self.__upstream_read_packet()
        except BaseException:
            self._unread = self._taken + self._unread
            raise
        finally:
            self._taken = None
