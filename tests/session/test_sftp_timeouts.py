"""
SFTP calls whose time limit runs out because the proxy is stalled, and what comes after.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

Open = Callable[..., Connection]

#: The smallest window that the library offers. The answer to a read for as much is longer, so
#: its end is not sent before its beginning has been read.
WINDOW_BYTES = 32768
CONTENT = random.Random(5).randbytes(WINDOW_BYTES)

LIMIT_S = 0.1


@pytest.fixture
def half_read(
    open_connection: Open, paramiko: ModuleType, tmp_path: Path
) -> tuple[Connection, Any]:
    """
    Return a stalled connection and a file on it; half of an answer to the file's prefetch is here.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    connection = open_connection()
    sftp = paramiko.SFTPClient.from_transport(connection.transport, window_size=WINDOW_BYTES)
    file = sftp.open(str(tmp_path / "file"), "rb")
    file.prefetch(len(CONTENT))
    size_bytes = -1

    def has_come_to_rest() -> bool:
        nonlocal size_bytes
        before, size_bytes = size_bytes, len(sftp.sock.in_buffer)
        return before == size_bytes > WINDOW_BYTES // 2

    wait_until(has_come_to_rest, 10, "as much of the answer as there is room for")
    assert size_bytes <= WINDOW_BYTES
    connection.stall()
    file.settimeout(LIMIT_S)
    assert isinstance(Call(file.read).error(RAISES_S), socket.timeout)
    return connection, file


@pytest.mark.fault
def test_read_goes_on_when_stalled_proxy_does(half_read: tuple[Connection, Any]) -> None:
    """
    A time limit in the middle of an answer costs nothing but time.
    """
    connection, file = half_read
    connection.resume()
    file.settimeout(10)

    assert Call(file.read).result(10) == CONTENT
    assert Call(file.stat).result(10).st_size == len(CONTENT)


@pytest.mark.fault
def test_every_call_raises_when_proxy_dies_after_time_limit(
    half_read: tuple[Connection, Any], printed: list[str]
) -> None:
    """
    The half of an answer is not taken for another one.
    """
    connection, file = half_read
    connection.strike_and_wait()

    for call in (file.read, file.stat, file.read, file.sftp.listdir):
        connection.assert_reason(raised(Call(call), RAISES_S))
    assert Call(file.close).result() is None
    assert printed == []


@pytest.mark.fault
def test_call_times_out_as_set_when_stalled(open_connection: Open, tmp_path: Path) -> None:
    """
    What must not change: the caller's own time limit is what a stalled proxy leads to.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    sftp.get_channel().settimeout(LIMIT_S)
    connection.stall()

    assert isinstance(Call(sftp.stat, str(tmp_path)).error(RAISES_S), socket.timeout)
    connection.resume()
    sftp.get_channel().settimeout(10)
    assert Call(sftp.stat, str(tmp_path)).result(10).st_mode is not None
