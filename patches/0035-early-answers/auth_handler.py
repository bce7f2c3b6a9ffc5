class AuthOnlyHandler:
    # replaces statement: 8bb5623b50a9c968
    def send_auth_request(self):
        # Before the request, whose answer may be here as soon as it is sent.
        self.auth_event = threading.Event()

    # replaces statement: b003397805636f15
    def send_auth_request(self):
        with self.transport.lock:
            self.transport._send_message(m)
