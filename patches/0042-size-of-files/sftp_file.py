# adds after: BufferedFile
from paramiko._file_size import ask_size


class SFTPFile:
    # adds after: MAX_REQUEST_SIZE
    # For the destructor: opening for appending may raise half-way.
    pipelined = False

    # wraps: 5c241754040c8407 as __guess_size
    def _get_size(self):
        if is_proxied(self.sftp.sock):
            return ask_size(self)
        return self.__guess_size()
