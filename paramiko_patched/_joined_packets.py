# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
When a packet waits for the next, so that both are written together.

A packet is held back only while its sender is inside of `send_whole`, which
promises that the rest follows, and only if that rest is little and has room in
the window, so that nothing but the sender itself can be waited for.  Should
the sender be interrupted, the transport thread writes what it held back; if
others take the room away meanwhile, what they send takes it along.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

_Result = TypeVar("_Result")

#: How many bytes are worth waiting for: another packet of the usual size, and
#: the few bytes by which two of them miss a round number.  More would leave
#: the proxy and the server idle while it is being made.
SHORT_REST = 48 * 1024


def send_whole(
    channel: Any, send: Callable[[Any], _Result], data: Any
) -> _Result:
    """
    Return ``send(data)``, which sends all of the data, piece by piece.

    Where several threads send on one channel at once, packets are held back
    for the last that has begun: the others' are written one by one.

    :param channel: the `.Channel` on which it is sent
    """
    try:
        channel._sending_all = threading.get_ident()
        return send(data)
    except BaseException:
        channel.transport.packetizer.hand_over_output()
        raise
    finally:
        channel._sending_all = None


def rest_is_next(channel: Any, rest: int) -> bool:
    """
    Whether the rest of what is being sent follows at once, in few bytes.

    Does not block; the channel's lock is held.

    :param channel: a `.Channel`
    :param int rest: how many bytes of the caller's are not sent yet
    """
    if not 0 < rest <= min(channel.out_window_size, SHORT_REST):
        return False
    sending: int | None = channel._sending_all
    return sending == threading.get_ident()
