# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What a thread has queued when an exception cuts its sending short.

A packet that has its place in the order is sent, whatever a signal handler
raises in the sender while the proxy takes no more.  The sender's caller cannot
tell: it gets the exception instead of a count.  A file has to, because it
writes again what it believes not to be written.
"""

from __future__ import annotations

import threading
from typing import Any


class _Queued(threading.local):
    """
    Counts for each thread; whoever wants to know sets the count back first.
    """

    #: How many bytes of channels' data the thread has queued.
    size = 0


queued = _Queued()


def queued_bytes(channel: Any) -> int:
    """
    Return how much is sent of what this thread has queued since it set back.

    Does not block.

    :param channel: the `.Channel` on which it was sent.
    """
    if not channel.transport.active:
        return 0  # what was queued is not sent any more
    return queued.size


def move_behind(file: Any, count: int) -> None:
    """
    Let a file's next write go behind so many bytes that will be sent.

    :param file: a `.BufferedFile`.
    """
    appends = file._flags & file.FLAG_APPEND
    if appends:
        file._size += count
    file._realpos = file._size if appends else file._realpos + count
    file._pos = file._size if appends else file._pos + count


def is_awaited(file: Any, number: int) -> bool:
    """
    Whether the server has not answered the last write of a file.

    The file waits for that answer from now on, as for those to other writes.
    Does not block.

    :param file: an `.SFTPFile` over a proxy command.
    :param int number: that the write's request has, or a later one.
    """
    for request, writes in list(file.sftp._expecting.items()):
        if request >= number and writes is file._writes:
            if request not in file._reqs:
                file._reqs.append(request)
            return True
    return False
