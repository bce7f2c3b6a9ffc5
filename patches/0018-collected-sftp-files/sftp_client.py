# adds after: hexlify
from collections import deque

# adds after: SFTPFile
from paramiko._patched.sftp.router import router_of


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
        timeout = self._destructor_lock_timeout
        if threading.current_thread() is getattr(self.sock, "transport", None):
            return False  # which makes the room that a sender waits for
        if not router_of(self).is_free(timeout):
            return False
        locks = [self._lock]
        if type(self.sock) is Channel:
            locks.append(self.sock.transport.clear_to_send_lock)
            locks.append(self.sock.lock)
        for lock in locks:
            if not lock.acquire(timeout=timeout):
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
