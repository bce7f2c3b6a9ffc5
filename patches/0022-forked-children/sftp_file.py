# adds after: hexlify
from paramiko._forked_child import raise_in_child


class SFTPFile:
    # replaces statement: c2ffe871081e2849
    def _read(self):
        raise_in_child(self.sftp.sock)
        data = self._read_prefetch(size)
