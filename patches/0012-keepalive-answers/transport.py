# adds after: ClosingContextManager
from paramiko._keepalive import Answer, SilenceTimer


class Transport:
    # replaces statement: b10f374374832073
    def __init__(self):
        self.clear_to_send_timeout = 30.0
        #: What the global requests under way wait for, in the order sent.
        self._answers = []

    # replaces: f63f6d4f361090ad
    def set_keepalive(self, interval, count_max=None):
        """
        Turn keepalive packets on or off; at first they are off.

        Does not block.  May be called by any thread.

        :param int interval:
            send one after so many seconds without sending anything; 0 turns
            them off.
        :param int count_max:
            if given, send one after so many seconds without *receiving*
            anything, and end the connection when as many in a row stay
            without an answer.  Every call of it then raises an
            `.SSHException` that says so, which is a `.ProxyCommandFailure` if
            it goes over a proxy command.  Input does not excuse output: a
            connection also ends if nothing is taken of what there is to send
            for ``interval`` times ``count_max`` seconds.

        .. versionchanged:: 5.1.0+patched.1
            Added the ``count_max`` argument.
        """
        if count_max is not None and count_max < 1:
            raise ValueError("count_max must be at least 1")

        def send(x=weakref.proxy(self), answered=count_max is not None):
            x._send_keepalive(answered)

        timer = None
        if interval and count_max is not None:
            timer = SilenceTimer(interval, count_max, send)
        self.packetizer.limit_silence(timer)
        self.packetizer.set_keepalive(interval, send)

    # adds after: set_keepalive
    def _send_keepalive(self, answered):
        """
        Send a keepalive, unless it would have to wait.

        :param bool answered: ask for an answer
        """
        if self.packetizer.output_is_stuck():
            return
        if not self.clear_to_send.is_set():
            return
        if not answered:
            self.global_request("keepalive@lag.net", wait=False)
            return
        m = Message()
        m.add_byte(cMSG_GLOBAL_REQUEST)
        m.add_string("keepalive@lag.net")
        m.add_boolean(True)
        m.answer = Answer()
        self._post_message(m)

    # replaces statement: e4c2a3d07fc5744e
    def global_request(self):
        answer = Answer() if wait else None
        if answer is not None:
            self.completion_event = answer.completed

    # replaces statement: 66bcb08d3557664c
    def global_request(self):
        m.answer = answer
        self._send_user_message(m)

    # replaces statement: 9bcaaa60f3d3c7f6
    def global_request(self):
        response = answer.wait(self)
        if not answer.is_given:
            raise_failure(self)
        return response

    # adds after: global_request
    global_request = reports_failure(global_request)

    # replaces statement: 709c357c0c0a883b
    def _queue_user_message(self, data):
        answer = getattr(data, "answer", None)
        if answer is not None:
            self._answers.append(answer)
        data.position = None

    # wraps: c49fece59696b277 as __upstream_parse_request_success
    def _parse_request_success(self, m):
        if not self._answer_request(m):
            self.__upstream_parse_request_success(m)

    # wraps: e4066b040c039985 as __upstream_parse_request_failure
    def _parse_request_failure(self, m):
        if not self._answer_request(None):
            self.__upstream_parse_request_failure(m)

    # adds after: _parse_request_failure
    def _answer_request(self, response):
        """
        Give an answer to the request that it belongs to, if there is one.
        """
        if not self._answers:
            return False
        self.global_response = response
        self._answers.pop(0).give(response)
        return True

    # replaces statement: a5357df78c4ea869
    def _wake_everybody(self):
        for answer in list(self._answers):
            answer.end()
        channels = list(self._channels.values())
