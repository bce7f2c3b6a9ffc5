# adds after: time
from paramiko import _monotonic as time

# adds after: Message
from paramiko._connection_end import raise_handshake_limit


class Packetizer:
    # adds after: closed
    #: When reading lines has to end, if there is one limit for all of them.
    __lines_end = None

    # adds after: closed
    #: What `readline` has returned so far.
    lines_read = ()

    # wraps: b1386455ec55499a as __upstream_readline
    def readline(self, timeout):
        line = self.__upstream_readline(timeout)
        self.lines_read += (line,)
        return line

    # adds after: closed
    def limit_lines(self, seconds):
        """
        Have all calls of `readline` end in so many seconds from now.

        :param float seconds: a limit beside that of each line
        """
        self.__lines_end = time.time() + seconds

    # wraps: 3180c6de8902a910 afcb75a1e687e4a2 as __upstream_read_timeout
    def _read_timeout(self, timeout):
        if self.__lines_end is not None:
            timeout = min(timeout, self.__lines_end - time.time())
            if timeout <= 0:
                raise socket.timeout()
        return self.__upstream_read_timeout(timeout)

    # replaces statement: 97ef65d38c0c2839
    def start_handshake(self):
        self.__handshake_timeout = timeout
        self.__timer = threading.Timer(float(timeout), self.read_timer)

    # replaces statement: a5fe3ef05b19fdba
    def read_all(self):
        if self.handshake_timed_out():
            raise_handshake_limit(self.__socket, self.__handshake_timeout)
            raise EOFError()
