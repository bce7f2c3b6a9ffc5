"""
Transfers of whole files over SFTP when the proxy ends: none of them returns as if it were done.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import apis
import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import PROMPT_S, Call

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

#: Three megabytes: more than the channel's window of two lets arrive ahead of its reader.
CONTENT = b"".join(b"%015d\n" % number for number in range(200 * 1024))

#: How much has been transferred when the proxy stops to pass anything on.
MIDDLE_BYTES = 2 * 32768


class Stall:
    """
    Stalls a connection when a transfer has come so far.
    """

    def __init__(self, connection: Connection, after_bytes: int) -> None:
        self._connection = connection
        self._after_bytes = after_bytes
        self._stalled = threading.Event()

    def progress(self, done_bytes: int, _: int = 0) -> None:
        """
        Hear how far the transfer is; also as the callback of a call.
        """
        if done_bytes >= self._after_bytes and not self._stalled.is_set():
            self._connection.stall()
            self._stalled.set()

    def strike_during(self, call: Callable[[], Any]) -> BaseException:
        """
        End the proxy while a call blocks after the stall, and return what it raises.
        """
        blocked = Call(call)
        assert self._stalled.wait(10)
        assert blocked.blocks(), repr(blocked.error())
        self._connection.strike()
        return raised(blocked, RAISES_S)


class Source(io.BytesIO):
    """
    A local file that says how much has been read of it.
    """

    def __init__(self, progress: Callable[[int], None]) -> None:
        super().__init__(CONTENT)
        self._progress = progress

    def read(self, size: int | None = -1) -> bytes:
        """
        Return what is to be written.
        """
        data = super().read(size)
        self._progress(self.tell())
        return data


@pytest.fixture
def path(tmp_path: Path) -> str:
    """
    Return the path of a file that holds `CONTENT`.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    return str(tmp_path / "file")


@pytest.fixture
def one_at_a_time(paramiko: ModuleType) -> list[int]:
    """
    Return the argument that has no more than one request open, where there is one.
    """
    return [] if "limited-prefetch" in apis.lacking(paramiko) else [1]


@pytest.mark.fault
@pytest.mark.parametrize("prefetch", [True, False], ids=["prefetch", "no-prefetch"])
def test_getfo_raises_when_proxy_ends_in_the_middle(
    open_connection: Open,
    path: str,
    fault: Fault,
    prefetch: bool,
    one_at_a_time: list[int],
    printed: list[str],
) -> None:
    """
    What the local file has got is the beginning of the remote one; the call does not return.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    stall = Stall(connection, MIDDLE_BYTES)
    target = io.BytesIO()

    error = stall.strike_during(
        lambda: sftp.getfo(path, target, stall.progress, prefetch, *one_at_a_time)
    )

    connection.assert_reason(error)
    assert MIDDLE_BYTES <= len(target.getvalue()) < len(CONTENT)
    assert CONTENT.startswith(target.getvalue())
    assert printed == []


@pytest.mark.fault
def test_get_raises_when_killed_in_the_middle(
    open_connection: Open, path: str, tmp_path: Path, one_at_a_time: list[int]
) -> None:
    """
    The call raises, whatever it has written so far.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    stall = Stall(connection, MIDDLE_BYTES)
    copy = tmp_path / "copy"

    error = stall.strike_during(
        lambda: sftp.get(path, str(copy), stall.progress, True, *one_at_a_time)
    )

    connection.assert_reason(error)
    assert MIDDLE_BYTES <= len(copy.read_bytes()) < len(CONTENT)
    assert CONTENT.startswith(copy.read_bytes())


@pytest.mark.fault
@pytest.mark.parametrize("confirm", [True, False], ids=["confirm", "no-confirm"])
@pytest.mark.parametrize("after_bytes", [MIDDLE_BYTES, len(CONTENT)], ids=["middle", "end"])
def test_putfo_raises_when_proxy_ends(
    open_connection: Open,
    tmp_path: Path,
    fault: Fault,
    after_bytes: int,
    confirm: bool,
    printed: list[str],
) -> None:
    """
    Whether the last bytes were given to the proxy or not: nobody has confirmed them.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    stall = Stall(connection, after_bytes)
    copy = tmp_path / "copy"

    error = stall.strike_during(
        lambda: sftp.putfo(Source(stall.progress), str(copy), confirm=confirm)
    )

    connection.assert_reason(error)
    assert len(copy.read_bytes()) < len(CONTENT)
    assert CONTENT.startswith(copy.read_bytes())
    assert printed == []


@pytest.mark.fault
def test_put_raises_when_killed_in_the_middle(
    open_connection: Open, path: str, tmp_path: Path
) -> None:
    """
    The call that takes two paths does no less.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    stall = Stall(connection, MIDDLE_BYTES)

    error = stall.strike_during(lambda: sftp.put(path, str(tmp_path / "copy"), stall.progress))

    connection.assert_reason(error)


@pytest.mark.fault
def test_pipelined_write_raises_when_proxy_ends_while_it_blocks(
    open_connection: Open, tmp_path: Path, fault: Fault
) -> None:
    """
    Stuck on a full pipe, it is told; the file has nothing to add when it is closed.
    """
    connection = open_connection(fault)
    file = connection.client.open_sftp().open(str(tmp_path / "copy"), "wb")
    file.set_pipelined(True)
    connection.stall()

    (error,) = connection.strike_during(lambda: file.write(10 * CONTENT))

    connection.assert_reason(error)
    assert Call(file.close).result(PROMPT_S) is None


def test_transfers_are_complete_when_nothing_happens(
    open_connection: Open, path: str, tmp_path: Path
) -> None:
    """
    What must not change: both ways give the whole file, with and without prefetch and pipelining.
    """
    sftp = open_connection().client.open_sftp()
    for prefetch in (True, False):
        target = io.BytesIO()
        assert sftp.getfo(path, target, prefetch=prefetch) == len(CONTENT)
        assert target.getvalue() == CONTENT
    for confirm in (True, False):
        sftp.putfo(io.BytesIO(CONTENT), str(tmp_path / "copy"), confirm=confirm)
        assert (tmp_path / "copy").read_bytes() == CONTENT
    with sftp.open(path, "rb") as file:
        assert list(file.readv([(0, 5), (40_000, 5)])) == [CONTENT[:5], CONTENT[40_000:40_005]]
        file.seek(0)
        assert file.readlines() == CONTENT.splitlines(keepends=True)
