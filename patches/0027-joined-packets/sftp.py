# adds after: Message
from paramiko._joined_packets import send_whole

# adds after: Message
from paramiko.channel import Channel


class BaseSFTP:
    # wraps: 07ca8a45a86f7f4d as __write_piecewise
    def _write_all(self, out):
        if not isinstance(self.sock, Channel):
            return self.__write_piecewise(out)
        return send_whole(self.sock, self.__write_piecewise, out)
