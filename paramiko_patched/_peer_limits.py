# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What a peer may ask of us: counts, sizes and numbers of things.

A peer may be a stranger, who has not even shown a host key.  Whatever one
message says, it costs no more than its own length or what was negotiated; the
message that asks for more ends its connection.  Nothing here blocks or takes a
lock.
"""

from __future__ import annotations

from typing import Any

from paramiko.ssh_exception import SSHException


def read_count(
    message: Any,
    name: str,
    least: int,
    error: type[Exception] = SSHException,
) -> int:
    """
    Return the next field of a message: the number of things that follow it.

    :param message: a `.Message`, which is read up to behind the field.
    :param str name: what kind of message it is, for the error.
    :param int least: the least room, in bytes, that one of the things takes.
    :raises error: the rest of the message has no room for so many.
    """
    count: int = message.get_int()
    left = message.packet.getbuffer().nbytes - message.packet.tell()
    if count * least > left:
        text = "{} message counts {} things in {} bytes"
        raise error(text.format(name, count, left))
    return count
