# adds after: AuthenticationException
from paramiko._connection_state import is_over


class AgentProxyThread:
    # wraps: 91c3e98d0b565448 as __upstream_communicate
    def _communicate(self):
        try:
            self.__upstream_communicate()
        except Exception as e:
            # The agent's own end may be gone as well: that one is printed.
            if not is_over(self.__inr, e):
                raise
            self._close()


class AgentRequestHandler:
    # adds after: __init__
    #: For the destructor, when the request for forwarding fails.
    __clientProxys = ()
