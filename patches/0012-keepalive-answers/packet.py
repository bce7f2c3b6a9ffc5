class Packetizer:
    # adds after: closed
    __silence = None

    # adds after: set_keepalive
    def limit_silence(self, timer):
        """
        Have a timer decide about keepalives, instead of what was sent last.

        :param timer: a `SilenceTimer`, or `None`
        """
        self.__silence = timer
        self.__wait.wake()

    # adds after: set_keepalive
    def output_is_stuck(self):
        """
        Whether the peer has not taken yet all that was to be sent.
        """
        return not self.__output.empty()

    # wraps: 3476cf1f4b78073b as __upstream_check_keepalive
    def _check_keepalive(self):
        if self.__silence is None:
            self.__upstream_check_keepalive()
        elif self.__block_engine_out:
            self.__silence.check(self.__taken_output)

    # adds after: set_keepalive
    def __taken_output(self):
        """
        Return how many bytes the peer has taken; `None` if that is all.
        """
        untaken = self.__wait.untaken()
        if not untaken and self.__output.empty():
            return None
        return self.__output.written - untaken

    # replaces statement: b021ef5b83d4baf8
    def __until_keepalive(self):
        if self.__silence is not None:
            return self.__silence.remaining() + 0.001
        due = self.__keepalive_last + self.__keepalive_interval

    # replaces statement: 9409afa4c0e4f0ad
    def read_message(self):
        received = self.__upstream_read_message()
        if self.__silence is not None:
            self.__silence.heard()
        return received
