class Channel:
    # wraps: b1f28395ff899740 as __upstream_event_pending
    def _event_pending(self):
        self.__upstream_event_pending()
        if self.closed:
            # What was forgotten may have been the end, which comes once.
            self.event.set()
