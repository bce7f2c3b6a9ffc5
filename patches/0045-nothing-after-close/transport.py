class Transport:
    # replaces statement: 638d81f84b3d64f7
    def _queue_user_message(self):
        # Whoever holds the lock decides what comes first.
        for end in getattr(data, "must_precede", ()):
            if end.is_queued:
                data.is_too_late = True
                return
        answer = getattr(data, "answer", None)

    # replaces statement: fa1f971021084e0b
    def _queue_user_message(self):
        self._send_message(data)
        if getattr(data, "end", None) is not None:
            data.end.is_queued = True
