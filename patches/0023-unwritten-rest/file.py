class BufferedFile:
    # adds after: _write_all
    #: How much of what is being written has not been accepted yet.
    _unwritten = 0

    # adds after: _write_all
    #: Whether a signal handler has cut a write short.
    _is_cut = False

    # replaces statement: ad7b167e91b461cb
    def __upstream_write_all(self):
        self._unwritten = len(data)
        count = self._write(data)
        self._unwritten -= count

    # wraps: 502383e546df7787 as __tell_or_write_all
    def _write_all(self, raw_data):
        buffered = self._wbuffer.getvalue()
        try:
            self.__tell_or_write_all(raw_data)
        except BaseException:
            if is_proxied(self._get_end()) and not self._loss_told:
                # What was given is the beginning of the buffer, if any.
                written = len(raw_data) - self._unwritten
                self._wbuffer = BytesIO()
                if not self._is_cut:
                    self._wbuffer.write(buffered[written:])
            raise
