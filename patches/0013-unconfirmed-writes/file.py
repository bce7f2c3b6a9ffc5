# adds after: ClosingContextManager
from paramiko._carrier import is_proxied

# adds after: ClosingContextManager
from paramiko._connection_end import raise_failure

# adds after: ClosingContextManager
from paramiko._connection_state import has_failed


class BufferedFile:
    # adds after: _write
    #: Whether the loss of accepted writes has been told, which is done once.
    _loss_told = False

    # adds after: _write
    def _get_end(self):
        """
        (subclass override)
        Return what knows how the file's connection ended, or ``None``.
        """
        return None

    # adds after: _write
    def _tell_loss(self):
        # Nobody shall write it again, or be told again.
        self._loss_told = True
        self._wbuffer = BytesIO()

    # wraps: 7c041ebfd356261e f2cea086b43d551b as __upstream_write
    def write(self, data):
        end = self._get_end()
        if has_failed(end) and not self._closed:
            # also what would only go into the buffer
            self._tell_loss()
            raise_failure(end)
        self.__upstream_write(data)

    # wraps: e83debe569b1bd88 as __upstream_write_all
    def _write_all(self, raw_data):
        try:
            self.__upstream_write_all(raw_data)
        except Exception:
            if has_failed(self._get_end()):
                self._tell_loss()
            raise

    # wraps: 28f58dae77777dbd as __upstream_close
    def close(self):
        try:
            self.__upstream_close()
        except Exception:
            if has_failed(self._get_end()):
                self._closed = True
            raise

    # wraps: e365e4137ddb5fe8 as __upstream_del
    def __del__(self):
        if has_failed(self._get_end()):
            return  # and take no lock: this may be any moment of any thread
        try:
            self.__upstream_del()
        except Exception:
            # a destructor has nobody to tell; nor anything to write, if the
            # collector has closed the buffer before the file
            if not is_proxied(self._get_end()) and not self._wbuffer.closed:
                raise
