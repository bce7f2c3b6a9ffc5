class Channel:
    # replaces statement: 8ebb98182dd04375
    def sendall(self):
        sent = self._check_sent(self.send(s))

    # replaces statement: aec913e6a96bafd0
    def sendall_stderr(self):
        sent = self._check_sent(self.send_stderr(s))

    # adds after: sendall_stderr
    def _check_sent(self, sent):
        """
        Return how much of a string was sent, if that is not nothing at all.
        """
        if sent == 0:
            raise socket.error("Socket is closed")
        return sent

    # replaces statement: 4107462ceeb1f90b
    def _send_eof(self):
        self.eof_sent = True
        self.out_buffer_cv.notify_all()
