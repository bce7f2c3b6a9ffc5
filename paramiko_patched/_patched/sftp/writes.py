# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
The writes to an SFTP file and their answers: taken as they come, none is lost.

Whoever reads an answer delivers it to an object that belongs to its file, and
that keeps what the server has refused until the file has a caller to tell.
"""

from __future__ import annotations

from typing import Any

from paramiko._carrier import is_proxied
from paramiko._connection_state import has_failed
from paramiko._patched.sftp.requests import refusal_in
from paramiko._patched.sftp.router import (
    await_answers,
    is_readable,
    router_of,
)
from paramiko.sftp import CMD_WRITE

try:
    from paramiko.sftp import int64
except ImportError:
    from paramiko.py3compat import long as int64  # type: ignore[no-redef]

#: How many writes may be unanswered before one reads, as upstream has it.
MOST_UNREAD = 100


class Writes:
    """
    What has become of the writes to one file.

    Any thread may deliver an answer.  The table of what a session expects does
    not keep this alive: with the file, whatever is still to come is forgotten.

    :param sftp: the `.SFTPClient` of the file.
    """

    def __init__(self, sftp: Any) -> None:
        self._sftp = sftp
        self._refusal: Exception | None = None

    def take_refusal(self) -> Exception | None:
        """
        Return what the server has refused first, once.
        """
        refusal, self._refusal = self._refusal, None
        return refusal

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        refusal = refusal_in(self._sftp, t, msg)
        self._refusal = self._refusal or refusal


def write(file: Any, data: Any) -> int:
    """
    Do what upstream's ``_write`` does.

    Of a pipelined file, the answers that have come are taken if many are
    missing.  Waiting for the others, as upstream does for a hundred at a time,
    would let the way to the server run dry.

    :returns: how much of the data this has written, or sent.
    :raises IOError: the server has refused this write, or an earlier one.
    """
    take_answers(file)
    if file._writes is None:
        file._writes = Writes(file.sftp)
    size = min(len(data), file.MAX_REQUEST_SIZE)
    offset = int64(file._realpos)
    file._reqs.append(
        file.sftp._async_request(
            file._writes, CMD_WRITE, file.handle, offset, data[:size]
        )
    )
    if not file.pipelined:
        await_all(file)
        tell_refusal(file)
    return size


def take_answers(file: Any) -> None:
    """
    Take the answers to a file's writes that have come, if many are missing.

    :raises IOError: the server has refused a write; told once.
    """
    unanswered, expected = file._reqs, file.sftp._expecting
    while unanswered:
        if unanswered[0] not in expected:
            unanswered.popleft()  # somebody has read the answer
        elif len(unanswered) > MOST_UNREAD and is_readable(file.sftp.sock):
            router_of(file.sftp).poll()
            if unanswered[0] in expected:
                break  # another thread reads
        else:
            break
    tell_refusal(file)


def await_all(file: Any) -> None:
    """
    Wait until all writes of a file are answered.
    """
    unanswered, expected = file._reqs, file.sftp._expecting
    await_answers(
        file.sftp, lambda: not any(num in expected for num in unanswered)
    )
    unanswered.clear()


def tell_refusal(file: Any) -> None:
    """
    Raise what the server has refused, if anything.  Does not block.

    What else is under way is told with it: a full disk refuses a hundred
    writes, and is one error.

    :raises IOError: the server has refused a write.
    """
    refusal = file._writes and file._writes.take_refusal()
    if refusal is not None:
        file._writes = None
        file._reqs.clear()
        raise refusal


def end(file: Any) -> None:
    """
    Tell what a file that was closed has to tell, over a proxy command.

    Waits for answers that a server sends after that to the close.
    """
    if file._reqs and is_proxied(file.sftp.sock):
        if not has_failed(file.sftp.sock):
            await_all(file)
        tell_refusal(file)
