# adds after: ClosingContextManager
from paramiko.ssh_exception import SSHException


class BufferedFile:
    # wraps: e365e4137ddb5fe8 as __upstream_del
    def __del__(self):
        try:
            self.__upstream_del()
        except SSHException:
            pass  # a destructor has nobody to tell
