# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
How much of a file one SFTP request carries, so that it fits one packet.
"""

from __future__ import annotations

from typing import Any

from paramiko._carrier import is_proxied

#: What upstream transfers at a time, and the most that servers have to take.
PIECE_SIZE = 32 * 1024

#: Smaller pieces, for a server that wants small packets, would cost more in
#: requests and answers than they save.
LEAST_PIECE_SIZE = PIECE_SIZE // 2

#: What upstream keeps free in a packet, for its own head.
PACKET_HEAD_SIZE = 64

#: The head of a write request, but for the handle: four numbers, the kind, the
#: offset (draft-ietf-secsh-filexfer-02, sections 3 and 6.4).
REQUEST_HEAD_SIZE = 4 * 4 + 1 + 8


def piece_size(writer: Any) -> int:
    """
    Return how many bytes to transfer at a time.  Does not block.

    :param writer: what is written to: an `.SFTPFile`, or any file object.
    """
    channel: Any = getattr(getattr(writer, "sftp", None), "sock", None)
    if not is_proxied(channel):
        return PIECE_SIZE
    packet_size: int = channel.out_max_packet_size - PACKET_HEAD_SIZE
    size = packet_size - REQUEST_HEAD_SIZE - len(writer.handle)
    return size if LEAST_PIECE_SIZE <= size < PIECE_SIZE else PIECE_SIZE
