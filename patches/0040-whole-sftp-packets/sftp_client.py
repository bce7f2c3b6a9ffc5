# adds after: SFTPFile
from paramiko._sftp_packets import is_free_to_send, packets_of


class SFTPClient:
    # adds after: _request
    def _write_all(self, out):
        packets = packets_of(self.sock)
        if packets is None:
            super()._write_all(out)
        else:
            packets.send(self.sock, out)

    # wraps: 1b9319c21689e72f as __locks_are_free
    def _is_free_to_send(self):
        timeout = self._destructor_lock_timeout
        return is_free_to_send(self.sock, timeout) and self.__locks_are_free()
