# adds after: ClosingContextManager
from paramiko._carrier import is_proxied

# adds after: ClosingContextManager
from paramiko._patched.wire.channel_data import send_some


class ChannelFile:
    # replaces statement: 7b3a3b23b9adfb5b
    def _write(self):
        return count

    # replaces statement: f20bb73dfe024c88
    def _write(self):
        if is_proxied(self.channel):
            # Not all at once: if a time limit comes between, the file has to
            # know what was accepted before.
            count = self._send(data, "send")
        else:
            self.channel.sendall(data)
            count = len(data)

    # adds after: _write
    def _send(self, data, name):
        if self._is_cut:
            raise IOError("A write was cut short; what was sent is not known")
        self.channel._is_handing_over = False
        try:
            return send_some(self.channel, data, name)
        except BaseException:
            # A signal handler's: what was handed over is sent all the same.
            if self.channel._is_handing_over and not self.channel.closed:
                self._is_cut = True
            raise


class ChannelStderrFile:
    # replaces statement: c514682f94bc4a28
    def _write(self):
        if is_proxied(self.channel):
            count = self._send(data, "send_stderr")
        else:
            self.channel.sendall_stderr(data)
            count = len(data)

    # replaces statement: 7b3a3b23b9adfb5b
    def _write(self):
        return count
