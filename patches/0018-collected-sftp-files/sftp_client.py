# adds after: hexlify
from collections import deque


class SFTPClient:
    # adds after: _request
    #: How long, in seconds, a destructor waits for each lock that it needs.
    _destructor_lock_timeout = 0.2

    # adds after: _request
    def _is_free_to_send(self):
        """
        Tell whether no lock is held that sending a request needs.

        One that is held for long is held by this thread, or on a stalled
        connection.
        """
        locks = [self._lock]
        if type(self.sock) is Channel:
            locks.append(self.sock.transport.clear_to_send_lock)
            locks.append(self.sock.lock)
        for lock in locks:
            if not lock.acquire(timeout=self._destructor_lock_timeout):
                return False
            lock.release()
        return True

    # adds after: _request
    def _close_later(self, fileobj):
        # No lock here either: both calls are atomic.
        self.__dict__.setdefault("_dropped_files", deque()).append(fileobj)

    # adds after: _request
    def _close_dropped_files(self):
        dropped = self.__dict__.get("_dropped_files")
        while dropped:
            try:
                fileobj = dropped.popleft()
            except IndexError:
                return  # another thread was quicker
            fileobj._close_dropped()

    # wraps: 40093d8d17e85c9f c84cdffdfa313139 as __upstream_async_request
    def _async_request(self, fileobj, t, *args):
        self._close_dropped_files()
        return self.__upstream_async_request(fileobj, t, *args)

    # replaces statement: 783d3a31f1e5dbce
    def _read_response(self):
        fileobj = self._expecting.get(num, type(None))

    # replaces statement: 61ca56392ecaf076
    def _read_response(self):
        self._expecting.pop(num, None)
