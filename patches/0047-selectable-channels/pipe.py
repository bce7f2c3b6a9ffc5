# adds after: sys
import functools

# adds after: socket
from paramiko._lock import new_lock


# adds after: make_pipe
def one_at_a_time(method):
    """
    Let one thread at a time change a pipe, or either half of it.
    """

    @functools.wraps(method)
    def change(self):
        with self._lock:
            return method(self)

    return change


class PosixPipe:
    # replaces statement: f8401617fbbb160d
    def __init__(self):
        self._set = False
        # reentrant: for signal handlers, and destructors the collector runs
        self._lock = new_lock()

    # adds after: close
    close = one_at_a_time(close)

    # replaces statement: 1c588e49587bea88
    def clear(self):
        self._set = False

    # replaces statement: f8401617fbbb160d
    def clear(self):
        # A byte too many, left by a handler that raised, goes with it; one too
        # few would be waited for.
        os.read(self._rfd, 16)

    # adds after: clear
    clear = one_at_a_time(clear)

    # replaces statement: 93fa5f2dd7a2327d
    def set(self):
        os.write(self._wfd, b"*")

    # replaces statement: 85dee5b2a9854d86
    def set(self):
        self._set = True

    # adds after: set
    set = one_at_a_time(set)

    # adds after: set_forever
    set_forever = one_at_a_time(set_forever)


class WindowsPipe:
    # replaces statement: f8401617fbbb160d
    def __init__(self):
        self._set = False
        self._lock = new_lock()

    # adds after: close
    close = one_at_a_time(close)

    # replaces statement: 96b00eadd78374cb
    def clear(self):
        self._set = False

    # replaces statement: f8401617fbbb160d
    def clear(self):
        self._rsock.recv(16)

    # adds after: clear
    clear = one_at_a_time(clear)

    # replaces statement: 93fa5f2dd7a2327d
    def set(self):
        self._wsock.send(b"*")

    # replaces statement: 61c45c3a85ccd8ce
    def set(self):
        self._set = True

    # adds after: set
    set = one_at_a_time(set)

    # adds after: set_forever
    set_forever = one_at_a_time(set_forever)


class OrPipe:
    # replaces statement: cf4979438c850858
    def __init__(self):
        self._pipe = pipe
        self._lock = pipe._lock

    # adds after: set
    set = one_at_a_time(set)

    # adds after: clear
    clear = one_at_a_time(clear)
