# adds after: xffffffff
from paramiko._peer_limits import read_count


class SFTPAttributes:
    # replaces statement: 52ed7e2e737ffe30
    def _unpack(self):
        # Here, for this module is older than its package's SFTPError.
        from paramiko.sftp import SFTPError

        count = read_count(msg, "SFTP ATTRS", 8, SFTPError)
