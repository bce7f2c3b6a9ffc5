# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What keeps small packets from waiting for acknowledgements.

TCP holds a small packet back until the one before it was acknowledged, and a
receiver that has nothing to send delays that by 40 ms.  What a client can send
together, `Packetizer` does.  The rest is here.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from paramiko.common import cMSG_IGNORE
from paramiko.message import Message

#: What OpenSSH sends when the login is done, and wants no answer to.
HOST_KEYS = "hostkeys-00@openssh.com"


def send_at_once(sock: Any) -> None:
    """
    Let a socket that the library has opened itself send each packet at once.
    """
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def acknowledge(transport: Any, request: str) -> None:
    """
    Send something, if that ends a server's wait after a global request.

    The next thing to come is the answer to the first channel that is opened,
    and the server's system holds it back.  Does not block.

    :param transport: the `.Transport` of a client.
    :param str request: what kind of global request has come.
    """
    if request == HOST_KEYS and not transport.server_mode:
        nothing = Message()
        nothing.add_byte(cMSG_IGNORE)
        nothing.add_string(b"")
        transport._post_message(nothing)
