# adds after: Message
from paramiko._joined_packets import SendingAll

# adds after: Message
from paramiko.channel import Channel


class BaseSFTP:
    # wraps: 07ca8a45a86f7f4d as __write_piecewise
    def _write_all(self, out):
        if not isinstance(self.sock, Channel):
            return self.__write_piecewise(out)
        with SendingAll(self.sock):
            return self.__write_piecewise(out)
