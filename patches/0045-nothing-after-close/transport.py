class Transport:
    # replaces statement: 638d81f84b3d64f7
    def _queue_user_message(self):
        # Whoever holds the lock decides what comes first.
        for end in getattr(data, "must_precede", ()):
            if end.is_queued:
                data.is_too_late = True
                return
        answer = getattr(data, "answer", None)

    # replaces statement: 8a4d3e5201935dd2
    def _queue_user_message(self):
        data.is_queued = True
        if getattr(data, "end", None) is not None:
            data.end.is_queued = True
