# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
When a packet waits for the next, so that both are written together.

A packet is held back only while its sender is inside a `SendingAll`, which
promises that the rest follows, and only if that rest is short and has its room
in the window, so that nothing but the sender itself can be waited for.  Should
the sender be interrupted, the transport thread writes what it held back; if
others take the room away meanwhile, what they send takes it along.
"""

from __future__ import annotations

import threading
from typing import Any

#: How many bytes are worth waiting for.  More would leave the proxy and the
#: server idle while their packet is being made.
SHORT_REST = 4096


class SendingAll:
    """
    Says that the thread inside sends all of a string, piece by piece.

    Where several threads send on one channel at once, it holds for the last
    that has entered: the others' packets are written one by one.

    Thread-safety: an object belongs to the thread that made it.

    :param channel: a `.Channel`
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.thread = threading.get_ident()

    def __enter__(self) -> None:
        self._channel._sending_all = self

    def __exit__(self, error: object, *_: object) -> None:
        self._channel._sending_all = None
        if error is not None:
            self._channel.transport.packetizer.hand_over_output()


def rest_is_next(channel: Any, rest: int) -> bool:
    """
    Whether the rest of what is being sent follows at once, in few bytes.

    Does not block; the channel's lock is held.

    :param channel: a `.Channel`
    :param int rest: how many bytes of the caller's are not sent yet
    """
    if not 0 < rest <= min(channel.out_window_size, SHORT_REST):
        return False
    sending = channel._sending_all
    return sending is not None and sending.thread == threading.get_ident()
