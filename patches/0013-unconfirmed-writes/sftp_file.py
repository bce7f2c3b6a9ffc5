# adds after: hexlify
import sys

# adds after: BufferedFile
from paramiko._carrier import is_proxied

# adds after: BufferedFile
from paramiko._connection_end import raise_failure

# adds after: BufferedFile
from paramiko._connection_state import has_failed


class SFTPFile:
    # adds after: _write
    def _get_end(self):
        return self.sftp.sock

    # adds after: _write
    def _tell_loss(self):
        super()._tell_loss()
        self._reqs.clear()

    # adds after: _write
    def _has_unanswered_writes(self):
        expecting = self.sftp._expecting
        return any(request in expecting for request in self._reqs)

    # adds after: _write
    def _has_lost_writes(self):
        """
        Read what answers there are, and say whether one to a write is missing.

        Does not block: the connection has ended.
        """
        while self._has_unanswered_writes():
            try:
                self.sftp._read_response()
            except Exception:
                return True  # nothing is left, or nothing that makes sense
        return False

    # wraps: 63efd0a5d71c480b as __upstream_close
    def close(self):
        """
        Close the file, and wait for the server to confirm what was written.

        May block for as long as the server takes; see `settimeout`.

        :raises ProxyCommandFailure:
            the proxy died before the server had confirmed all that was
            written.  Said once: a file that is closed again says nothing.
        :raises socket.timeout:
            the same, because the proxy passes nothing on.
        """
        told_before = self._loss_told
        try:
            self.__upstream_close()
        except Exception:
            if not has_failed(self.sftp.sock):
                raise
            self._closed = True
            if told_before:
                return
            # The write buffer is empty unless closing has not come to it.
            told_now = self._loss_told or self._wbuffer.tell() > 0
            if told_now or self._has_lost_writes():
                self._tell_loss()
                raise_failure(self.sftp.sock)

    # replaces statement: d74ff0ee8da3b980 2 of 2
    def _close(self):
        # A stalled proxy: what was not answered in time may be lost.
        e = sys.exc_info()[1]
        if isinstance(e, socket.timeout) and is_proxied(self.sftp.sock):
            if self._has_unanswered_writes():
                raise

    # wraps: 948f86e18b52de18 as __upstream_del
    def __del__(self):
        if has_failed(self.sftp.sock):
            return  # and take no lock: this may be any moment of any thread
        try:
            self.__upstream_del()
        except Exception:
            # a destructor has nobody to tell; nor anything to write, if the
            # collector has closed the buffer before the file
            if not is_proxied(self.sftp.sock) and not self._wbuffer.closed:
                raise

    # adds after: MAX_REQUEST_SIZE
    # For the destructor: opening for appending may raise half-way.
    pipelined = False

    # wraps: 2d299e0d7c34f368 as __upstream_get_size
    def _get_size(self):
        if not is_proxied(self.sftp.sock):
            return self.__upstream_get_size()
        num = self.sftp._async_request(type(None), CMD_FSTAT, self.handle)
        try:
            t, msg = self.sftp._read_response(num)
        except (IOError, EOFError):
            if num not in self.sftp._expecting:
                return 0  # the server has refused to tell
            raise_failure(self.sftp.sock)
            raise
        if t != CMD_ATTRS:
            raise SFTPError("Expected attributes")
        return SFTPAttributes._from_msg(msg).st_size
