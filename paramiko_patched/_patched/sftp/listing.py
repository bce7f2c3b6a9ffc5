# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
The entries of a directory, of which some are asked for in advance.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from paramiko._patched.sftp.router import Answers, await_answers
from paramiko._peer_limits import read_count
from paramiko.common import DEBUG
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READDIR,
    CMD_STATUS,
    SFTPError,
)
from paramiko.sftp_attr import SFTPAttributes


def iterate(client: Any, path: Any, read_aheads: int) -> Iterator[Any]:
    """
    Do what `.SFTPClient.listdir_iter` says.

    :param int read_aheads: how many requests are sent together.
    """
    path = client._adjust_cwd(path)
    client._log(DEBUG, "listdir({!r})".format(path))
    t, msg = client._request(CMD_OPENDIR, path)
    if t != CMD_HANDLE:
        raise SFTPError("Expected handle")
    handle = msg.get_string()
    # Those that nobody takes any more are dropped with the iterator.
    answers = Answers()
    while True:
        nums = [
            client._async_request(answers, CMD_READDIR, handle)
            for _ in range(max(read_aheads, 1))
        ]
        for num in nums:
            await_answers(client, partial(answers.__contains__, num))
            t, msg = answers.take(num)
            try:
                if t == CMD_STATUS:
                    client._convert_status(msg)
            except EOFError:
                client._request(CMD_CLOSE, handle)
                return
            if t != CMD_NAME:
                raise SFTPError("Expected name response")
            for _ in range(read_count(msg, "SFTP NAME", 12, SFTPError)):
                name, longname = msg.get_text(), msg.get_text()
                entry = SFTPAttributes._from_msg(msg, name, longname)
                if name not in (".", ".."):
                    yield entry
