# adds after: time
from paramiko import _monotonic as time

# adds after: ClosingContextManager
from paramiko._carrier import is_proxied

# adds after: ClosingContextManager
from paramiko._connection_end import add_words


class Transport:
    # wraps: cd93532ce6aa7acf as __upstream_check_banner
    def _check_banner(self):
        if is_proxied(self.sock):
            self.packetizer.limit_lines(self.banner_timeout)
        try:
            self.__upstream_check_banner()
        except SSHException as e:
            if not self.active:
                raise EOFError()  # closed meanwhile, which is no error
            raise add_words(self.sock, e, self.packetizer.lines_read)
