# adds after: ClosingContextManager
from paramiko._forked_child import leave_to_parent

# adds after: _join_lingering_threads
_active_threads = leave_to_parent(_active_threads)


class Transport:
    # wraps: 3601a52efb6409fd 683dd5c366d3e1d1 9d3341d7af9da4b4
    #    as __upstream_send_kex_init
    def _send_kex_init(self):
        if not self.active:
            # Alone of what sends, this may be called then.
            raise_failure(self)
        self.__upstream_send_kex_init()
