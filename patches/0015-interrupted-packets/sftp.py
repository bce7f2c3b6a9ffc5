# adds after: Message
from paramiko._arrived_bytes import arrived_for

# adds after: Message
from paramiko._connection_state import is_proxied


class BaseSFTP:
    # adds after: _read_all
    #: What has been read of the packet that is being read, if that is kept
    #: and its buffer does not keep it.
    _taken = None

    # adds after: _read_all
    #: The beginning of a packet whose reading was interrupted.
    _unread = bytes()

    # adds after: _read_all
    #: The packet that was read last.
    _last_packet = None

    # adds after: _read_all
    def _receive(self, n):
        if self._unread:
            data, rest = self._unread[:n], self._unread[n:]
            taken = None if self._taken is None else self._taken + data
            # In one step: a signal handler may cut in behind any call.
            self._unread, self._taken = rest, taken
            return data
        data = self.sock.recv(n)
        taken, arrived = self._taken, arrived_for(self.sock)
        if taken is not None and (arrived is None or arrived.kept is None):
            self._taken = taken + data
        return data

    # replaces statement: a956d3a0a4514775 2 of 2
    def _read_all(self):
        x = self._receive(n)

    # wraps: 6b5e534f3ad1939c as __upstream_read_packet
    def _read_packet(self):
        if not is_proxied(self.sock):
            return self.__upstream_read_packet()
        arrived = arrived_for(self.sock)
        self._taken = bytes()
        try:
            if arrived is not None:
                arrived.kept = bytes()
            packet = self._last_packet = self.__upstream_read_packet()
        except BaseException:
            # None of either, where threads share a session and another one
            # that was waiting has come here first.
            kept = None if arrived is None else arrived.kept
            taken = (self._taken or bytes()) + (kept or bytes())
            self._unread = taken + self._unread
            raise
        finally:
            self._taken = None
            if arrived is not None:
                arrived.kept = None
        return packet
