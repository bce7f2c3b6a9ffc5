# adds after: BufferedFile
from paramiko.ssh_exception import SSHException


class SFTPFile:
    # wraps: 948f86e18b52de18 as __upstream_del
    def __del__(self):
        if getattr(self.sftp.sock, "_failure", None) is not None:
            return  # and take no lock: this may be any moment of any thread
        try:
            self.__upstream_del()
        except SSHException:
            pass  # a destructor has nobody to tell
