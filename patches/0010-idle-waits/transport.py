# adds after: ClosingContextManager
import logging

# adds after: ClosingContextManager
from paramiko._carrier import check_carrier

# adds after: _active_threads
#: What transports say that are stopped by the program's exit.  They wake at
#: once to say it, when streams of handlers may be closed already.
_exit_logger = logging.Logger("paramiko.exit", logging.CRITICAL + 1)


# wraps: c4a2cb40b659d7d5 as _upstream_join_lingering_threads
def _join_lingering_threads():
    for thread in _active_threads:
        thread.logger = _exit_logger
    _upstream_join_lingering_threads()


class Transport:
    # replaces statement: 9f4f74dd15df5b27
    def __init__(self):
        check_carrier(sock)
        self.sock.settimeout(self._active_check_timeout)
