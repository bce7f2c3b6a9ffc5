# adds after: Message
from paramiko._socket_wait import for_socket


class Packetizer:
    # wraps: 8f0b5934fdb390e5 305d25d0b0b0eeec as __upstream_init
    def __init__(self, socket):
        self.__upstream_init(socket)
        self.__wait = for_socket(socket)

    # wraps: 17361fe563929c6b as __upstream_close_socket
    def close(self):
        self.__wait.close()
        self.__upstream_close_socket()

    # wraps: 99a70763ddee2977 as __upstream_set_keepalive
    def set_keepalive(self, interval, callback):
        self.__upstream_set_keepalive(interval, callback)
        self.__wait.wake()

    # wraps: 2fc930554ef45853 as __upstream_read_timer
    def read_timer(self):
        self.__upstream_read_timer()
        self.__wait.wake()

    # wraps: 2cade5fff0590e47 as __upstream_trigger_rekey
    def _trigger_rekey(self):
        self.__upstream_trigger_rekey()
        self.__wait.wake()

    # adds after: read_all
    def _await_input(self, between_packets):
        """
        Return when there is input, or something for `read_all` to look at.

        :param bool between_packets: new keys may be negotiated now
        """
        while not self.__closed:
            self._check_keepalive()
            if between_packets and self.__need_rekey:
                return
            if self.__wait.wait_readable(self._until_keepalive()):
                return

    # adds after: read_all
    def _until_keepalive(self):
        """
        Return for how many seconds nothing is due, or `None` if for ever.
        """
        if not self.__keepalive_interval or not self.__block_engine_out:
            return None
        due = self.__keepalive_last + self.__keepalive_interval
        # A moment more: looking again before it is due would be in vain.
        return max(0.0, due - time.time()) + 0.001

    # replaces statement: 5a5a6edc92c8bf01
    def read_all(self):
        self._await_input(check_rekey and not out)
