# adds after: sys
import functools

# adds after: socket
import threading


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
        # reentrant: for destructors that the collector runs
        self._lock = threading.RLock()

    # adds after: close
    close = one_at_a_time(close)

    # adds after: clear
    clear = one_at_a_time(clear)

    # adds after: set
    set = one_at_a_time(set)

    # adds after: set_forever
    set_forever = one_at_a_time(set_forever)


class WindowsPipe:
    # replaces statement: f8401617fbbb160d
    def __init__(self):
        self._set = False
        self._lock = threading.RLock()

    # adds after: close
    close = one_at_a_time(close)

    # adds after: clear
    clear = one_at_a_time(clear)

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
