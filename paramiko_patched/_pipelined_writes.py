# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The answers to pipelined writes: taken as they come, and none of them lost.

Whoever waits for an answer of an SFTP session reads what comes before it as
well, answers to writes on files that have nothing to do with the call among
them.  So each is delivered to an object that belongs to its file and keeps
what the server has refused until the file has a caller to tell.
"""

from __future__ import annotations

from typing import Any

from paramiko.sftp import CMD_STATUS, SFTPError

#: How many writes may be unanswered before one reads, as upstream has it.
MOST_UNREAD = 100


class PipelinedWrites:
    """
    What has become of the writes to one file that nobody waits for.

    Any thread may deliver an answer.  The table of what a session expects does
    not keep this alive: with the file, whatever is still to come is forgotten.

    :param sftp: the `.SFTPClient` of the file.
    """

    def __init__(self, sftp: Any) -> None:
        self._sftp = sftp
        self._refusal: Exception | None = None

    def is_refused(self) -> bool:
        """
        Tell whether there is a refusal to take.
        """
        return self._refusal is not None

    def take_refusal(self) -> Exception | None:
        """
        Return what the server has refused first, once.
        """
        refusal, self._refusal = self._refusal, None
        return refusal

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        # The name is the one under which a session delivers.
        try:
            if t != CMD_STATUS:
                raise SFTPError("Expected status")
            self._sftp._convert_status(msg)
        except Exception as e:
            # The traceback is about a call that has no part in it, and would
            # keep this alive.
            self._refusal = self._refusal or e.with_traceback(None)


def take_answers(file: Any) -> None:
    """
    Take the answers to a file's writes that have come, if many are missing.

    Waiting for those that have not, as upstream does for a hundred at a time,
    would let the way to the server run dry.  Blocks for no longer than it
    takes a message to come whose beginning is there.

    :param file: an `.SFTPFile` over a proxy command.
    :raises IOError: the server has refused a write; told once.
    """
    unanswered, expected = file._reqs, file.sftp._expecting
    while unanswered:
        if unanswered[0] not in expected:
            unanswered.popleft()  # another call has read the answer
        elif len(unanswered) > MOST_UNREAD and file.sftp.sock.recv_ready():
            file.sftp._read_response()
        else:
            break
    tell_refusal(file)


def tell_refusal(file: Any) -> None:
    """
    Raise what the server has refused, if anything.  Does not block.

    What else is under way is told with it: a full disk refuses a hundred
    writes, and is one error.

    :param file: as for `take_answers`.
    :raises IOError: the server has refused a write.
    """
    writes = file._writes
    if writes is not None and writes.is_refused():
        file._writes = None
        file._reqs.clear()
        raise writes.take_refusal()
