# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
How long a file is, with a difference between no size and no answer.

What the server refuses and what cuts a call short may be the same class of
exception: a time limit is an `OSError`, and a signal handler may raise any.
So the answer is looked at, not what it raises.
"""

from __future__ import annotations

from typing import Any

from paramiko._connection_end import raise_failure
from paramiko._connection_state import has_failed
from paramiko.sftp import CMD_ATTRS, CMD_FSTAT, CMD_STATUS, SFTPError
from paramiko.sftp_attr import SFTPAttributes


class _Answer:
    """
    Gets the answer to one request.

    A session does not keep it alive: an answer that comes when the call is
    over disturbs nobody.
    """

    message: Any = None
    kind = 0

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        # The name is the one under which a session delivers.
        self.kind, self.message = t, msg


def ask_size(file: Any) -> Any:
    """
    Return the size of a file, or 0 where the server does not tell.

    Blocks until the server has answered.

    :param file: an `.SFTPFile`.
    :raises: what keeps the answer from coming.
    """
    answer = _Answer()
    try:
        file.sftp._async_request(answer, CMD_FSTAT, file.handle)
        while answer.message is None:
            file.sftp._read_response()
    except Exception:
        if has_failed(file.sftp.sock):
            raise_failure(file.sftp.sock)
        raise
    if answer.kind == CMD_STATUS:
        return 0
    if answer.kind != CMD_ATTRS:
        raise SFTPError("Expected attributes")
    return SFTPAttributes._from_msg(answer.message).st_size
