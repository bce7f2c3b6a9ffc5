# adds after: SFTPFile
from paramiko._peer_limits import read_count


class SFTPClient:
    # replaces statement: 52ed7e2e737ffe30
    def listdir_attr(self):
        count = read_count(msg, "SFTP NAME", 12, SFTPError)
