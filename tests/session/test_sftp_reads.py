"""
Files read over SFTP when the proxy ends: what had arrived first, then the failure, never less.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import apis
import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

#: What one request of a prefetch asks for, and the header of its answer.
REQUEST_BYTES = 32768
HEADER_BYTES = 4 + 1 + 4 + 4

#: How much of a file has arrived when the proxy ends: two requests, as many as may be open.
ARRIVED_BYTES = 2 * REQUEST_BYTES

#: Ten requests of text, in lines of 16 bytes.
CONTENT = b"".join(b"%015d\n" % number for number in range(20 * 1024))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """
    Return the path of a file that holds `CONTENT`.
    """
    assert len(CONTENT) == 10 * REQUEST_BYTES
    (tmp_path / "file").write_bytes(CONTENT)
    return str(tmp_path / "file")


def prefetched(paramiko: ModuleType, connection: Connection, path: str) -> Any:
    """
    Return a file of which `ARRIVED_BYTES` have arrived, and no more were asked for.
    """
    sftp = connection.client.open_sftp()
    file = sftp.open(path, "rb")
    if "limited-prefetch" in apis.lacking(paramiko):
        # Only these are asked for; the rest is not prefetched, but read when it is wanted.
        file.prefetch(ARRIVED_BYTES)
    else:
        file.prefetch(max_concurrent_requests=2)
    arrived_bytes = ARRIVED_BYTES + 2 * HEADER_BYTES
    wait_until(lambda: len(sftp.sock.in_buffer) == arrived_bytes, 10, "two answers")
    return file


def read_lines_until_failure(file: Any, lines: list[bytes]) -> None:
    """
    Add the lines of a file to a list.
    """
    for line in file:
        lines.append(line)


@pytest.mark.fault
def test_prefetched_read_delivers_what_had_arrived_before_failure(
    paramiko: ModuleType, open_connection: Open, path: str, fault: Fault, printed: list[str]
) -> None:
    """
    Sized reads return all of it; then each one raises.
    """
    connection = open_connection(fault)
    file = prefetched(paramiko, connection, path)
    connection.strike_and_wait()

    pieces = [file.read(1024) for _ in range(ARRIVED_BYTES // 1024)]
    assert b"".join(pieces) == CONTENT[:ARRIVED_BYTES]
    for _ in range(2):
        connection.assert_reason(raised(Call(file.read, 1), RAISES_S))
    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize(
    "read",
    [lambda file: file.read(), lambda file: file.read(len(CONTENT)), lambda file: file.readlines()],
    ids=["read", "read-so-much", "readlines"],
)
def test_prefetched_read_keeps_what_it_had_taken(
    paramiko: ModuleType, open_connection: Open, path: str, read: Callable[[Any], Any]
) -> None:
    """
    A read for more than there is raises with all there is, and leaves it to smaller reads.
    """
    connection = open_connection()
    file = prefetched(paramiko, connection, path)
    connection.strike_and_wait()

    for _ in range(2):
        error = raised(Call(read, file), RAISES_S)
        connection.assert_reason(error)
        assert getattr(error, "partial", None) == CONTENT[:ARRIVED_BYTES]
        assert file.tell() == 0
    assert file.read(20) == CONTENT[:20]
    assert file.readline() == CONTENT[20:32]
    assert file.read(ARRIVED_BYTES - 32) == CONTENT[32:ARRIVED_BYTES]
    connection.assert_reason(raised(Call(file.read, 1), RAISES_S))


@pytest.mark.fault
def test_prefetched_iteration_returns_whole_lines_first(
    paramiko: ModuleType, open_connection: Open, path: str
) -> None:
    """
    The lines that had arrived whole come first, then the failure with the half one.
    """
    connection = open_connection()
    file = prefetched(paramiko, connection, path)
    assert file.read(5) == CONTENT[:5]
    connection.strike_and_wait()

    lines: list[bytes] = []
    error = raised(Call(read_lines_until_failure, file, lines), RAISES_S)

    connection.assert_reason(error)
    assert b"".join(lines) == CONTENT[5:ARRIVED_BYTES]
    assert getattr(error, "partial", None) == b""


@pytest.mark.fault
@pytest.mark.parametrize(
    "limit", [pytest.param([2], marks=pytest.mark.needs_api("limited-prefetch")), []]
)
def test_prefetched_read_raises_when_killed_during_it(
    open_connection: Open, path: str, limit: list[int], printed: list[str]
) -> None:
    """
    Blocked in a prefetched read, by itself or with all requests sent.
    """
    connection = open_connection()
    file = connection.client.open_sftp().open(path, "rb")
    connection.stall()
    file.prefetch(len(CONTENT), *limit)

    (error,) = connection.strike_during(file.read)

    connection.assert_reason(error)
    assert getattr(error, "partial", None) == b""
    assert printed == []


@pytest.mark.fault
@pytest.mark.needs_api("limited-prefetch")
def test_readv_yields_whole_blocks_that_had_arrived_before_failure(
    open_connection: Open, path: str, printed: list[str]
) -> None:
    """
    No more than two requests are open, so most blocks are missing; none is shorter than asked for.
    """
    connection = open_connection()
    wanted = [(offset, 1000) for offset in (0, 5000, 3000, 9000, 8000, 7000, 6000, 2000)]
    file = connection.client.open_sftp().open(path, "rb")
    blocks = file.readv(wanted, max_concurrent_prefetch_requests=2)
    got = [next(blocks), next(blocks)]
    connection.strike_and_wait()

    def read_rest() -> None:
        for block in blocks:
            got.append(block)

    connection.assert_reason(raised(Call(read_rest), RAISES_S))
    assert got == [CONTENT[offset : offset + size] for offset, size in wanted[: len(got)]]
    assert printed == []
