# adds after: ClosingContextManager
from paramiko._queued_bytes import queued, queued_bytes


class Channel:
    # replaces statement: 7025d4fec4caf4c1
    def _send(self):
        try:
            self.transport._send_user_message(m)
        finally:
            if getattr(m, "is_queued", False):
                queued.size += size


class ChannelFile:
    # adds after: _write
    def _claim_queued(self):
        return queued_bytes(self.channel)
