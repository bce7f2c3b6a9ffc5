class SFTPFile:
    # adds after: __del__
    def _close_dropped(self):
        # A destructor's work, done late; its errors are nobody's.
        try:
            self._close(async_=True)
        except Exception as e:
            self.sftp._log(DEBUG, "closing a dropped file: {!r}".format(e))

    # wraps: 61bd692c8b64789c as __sending_del
    def __del__(self):
        if self._closed or has_failed(self.sftp.sock):
            return
        if self.sftp._is_free_to_send():
            self.__sending_del()
        else:
            self.sftp._close_later(self)
