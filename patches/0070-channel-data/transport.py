# adds after: ClosingContextManager
from paramiko._patched.wire import channel_data

# adds after: Transport
_knows_own = channel_data.know_own(Channel, Transport)


class Transport:
    # replaces statement: 868c8fa8854888f0
    def __init__(self):
        self._channels = ChannelMap()
        self.packetizer.short_way = channel_data.ShortWay(self)

    # adds after: _post_message
    def _put_off(self, packet):
        """
        Have a message sent after the key exchange; you are holding the lock.
        """
        self._posted.append(Message(packet))
