# adds after: Message
from paramiko._carrier import is_proxied


class BaseSFTP:
    # adds after: _read_all
    #: What has been read of the packet that is being read; of one that was
    #: interrupted, the beginning that is to be read again.
    _taken = _unread = b""

    # adds after: _read_all
    def _receive(self, n):
        if self._unread:
            data, self._unread = self._unread[:n], self._unread[n:]
        else:
            data = self.sock.recv(n)
        self._taken += data
        return data

    # replaces statement: a956d3a0a4514775 2 of 2
    def _read_all(self):
        x = self._receive(n)

    # wraps: 6b5e534f3ad1939c as __upstream_read_packet
    def _read_packet(self):
        self._taken = b""
        try:
            return self.__upstream_read_packet()
        except BaseException:
            if is_proxied(self.sock):
                self._unread = self._taken + self._unread
            raise
        finally:
            self._taken = b""
