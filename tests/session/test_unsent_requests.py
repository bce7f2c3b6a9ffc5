"""
SFTP calls whose request is stuck on a full pipe when the program closes the connection.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call

Open = Callable[..., Connection]

#: More than the pipe to a stalled proxy holds, and less than the window of the server.
FILLS_PIPE = bytes(2_000_000)

#: Calls of a client and a file that is open and not read to its end.
CALLS: dict[str, Callable[[Any, Any, Path], Any]] = {
    "read": lambda sftp, file, path: file.read(),
    "read-so-much": lambda sftp, file, path: file.read(1000),
    "readline": lambda sftp, file, path: file.readline(),
    "listdir": lambda sftp, file, path: sftp.listdir(str(path.parent)),
    "listdir_iter": lambda sftp, file, path: list(sftp.listdir_iter(str(path.parent))),
    "getfo": lambda sftp, file, path: sftp.getfo(str(path), io.BytesIO()),
}


@pytest.mark.fault
@pytest.mark.parametrize("name", CALLS)
def test_call_sees_a_closed_channel_when_program_closes_connection_during_it(
    open_connection: Open, tmp_path: Path, name: str
) -> None:
    """
    No read and no list ends as if there were nothing more to come.
    """
    path = tmp_path / "file"
    path.write_bytes(bytes(100_000))
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = sftp.open(str(path))
    assert len(file.read(10)) == 10
    channel = connection.run("exec cat >/dev/null")
    connection.stall()
    sending = Call(channel.sendall, FILLS_PIPE)
    assert sending.blocks()
    blocked = Call(CALLS[name], sftp, file, path)
    assert blocked.blocks()

    connection.client.close()

    error = raised(blocked, RAISES_S)
    assert isinstance(error, OSError), repr(error)
    assert str(error) == "Socket is closed"
    sending.wait(RAISES_S)
