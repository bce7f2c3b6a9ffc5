# adds after: BufferedFile
from paramiko.ssh_exception import SSHException


class SFTPFile:
    # wraps: 948f86e18b52de18 as __upstream_del
    def __del__(self):
        try:
            self.__upstream_del()
        except SSHException:
            pass  # a destructor has nobody to tell
