"""
An SFTP file that asks for its size, and gets no answer: that is no size of nothing.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

Open = Callable[..., Connection]

LIMIT_S = 0.2

LIMITS = {
    "exception": "class Limit(Exception): pass",
    "base-exception": "class Limit(BaseException): pass",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Return a file that is there.
    """
    made = tmp_path / "file"
    made.write_bytes(b"A" * 1000)
    return made


@pytest.mark.fault
def test_seek_to_end_raises_time_limit_of_stalled_proxy(open_connection: Open, path: Path) -> None:
    """
    The position stays, and the file can be used when the proxy goes on.
    """
    connection = open_connection()
    file = connection.client.open_sftp().open(str(path), "r+")
    file.seek(10)
    connection.stall()
    file.settimeout(LIMIT_S)

    assert isinstance(Call(file.seek, 0, 2).error(RAISES_S), socket.timeout)

    assert file.tell() == 10
    connection.resume()
    file.settimeout(10)
    Call(file.seek, -1, 2).result(10)
    assert file.tell() == 999
    Call(file.write, b"new").result(10)
    Call(file.close).result(10)
    assert path.read_bytes() == b"A" * 999 + b"new"


@pytest.mark.fault
def test_opening_for_append_raises_time_limit_and_leaves_no_handle(
    paramiko: ModuleType, open_connection: Open, path: Path
) -> None:
    """
    The stall comes between the two requests; the handle is closed with the file nobody got.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = sftp.open(str(path), "r+")
    connection.stall()
    file.settimeout(LIMIT_S)

    error = Call(paramiko.SFTPFile, sftp, file.handle, "ab").error(RAISES_S)
    assert isinstance(error, socket.timeout)

    connection.resume()
    file.settimeout(10)
    del error
    gc.collect()

    def is_closed() -> bool:
        return isinstance(Call(file.stat).error(10), OSError)

    wait_until(is_closed, 5, "a closed handle")


@pytest.mark.fault
@pytest.mark.parametrize("mode", ["r+", "ab"])
def test_seek_to_end_raises_failure_of_dead_proxy(
    open_connection: Open, path: Path, mode: str
) -> None:
    """
    What must not change: the death is told as such.
    """
    connection = open_connection()
    file = connection.client.open_sftp().open(str(path), mode)
    assert file.tell() == (1000 if mode == "ab" else 0)

    connection.strike_and_wait()
    error = raised(Call(file.seek, 0, 2), RAISES_S)

    connection.assert_reason(error)
    Call(file.close).result(RAISES_S)


def test_size_that_server_refuses_is_nothing(
    paramiko: ModuleType, open_connection: Open, path: Path
) -> None:
    """
    What must not change: a refusal is an answer.
    """
    sftp = open_connection().client.open_sftp()
    file = sftp.open(str(path), "r+")
    handle, file.handle = file.handle, b"none of the server's"
    file.seek(10)

    Call(file.seek, 0, 2).result(10)

    assert file.tell() == 0
    appending = Call(paramiko.SFTPFile, sftp, file.handle, "ab").result(10)
    assert appending.tell() == 0
    appending.handle = file.handle = handle
    appending._closed = True
    Call(file.close).result(10)


def test_size_without_proxy_is_what_it_was(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any], valve: Any, path: Path
) -> None:
    """
    What must not change: over a plain socket no answer is a size of nothing.
    """
    client = connect_through_valve()
    file = client.open_sftp().open(str(path), "r+")
    file.seek(10)
    valve.to_client.clear()
    file.settimeout(LIMIT_S)

    error = Call(file.seek, 0, 2).error(RAISES_S)

    if isinstance(client.get_transport().sock, paramiko.ProxyCommand):
        assert isinstance(error, socket.timeout)
    else:
        assert error is None
        assert file.tell() == 0
    valve.to_client.set()
    file.settimeout(10)
    Call(file.close).result(10)


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_seek_to_end_raises_what_a_handler_does(
    target: str, client_source: Callable[[str], str], path: Path, limit: str
) -> None:
    """
    Handlers run in the main thread only.
    """
    source = client_source(
        f"""
        client = connect()
        proxy = client.get_transport().sock
        file = client.open_sftp().open({str(path)!r}, "r+")
        file.seek(10)
        os.kill(proxy.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        exceeded = False
        try:
            file.seek(0, 2)
        except Limit as limit:
            exceeded = str(limit) == "time is up"
        assert exceeded
        assert file.tell() == 10
        os.kill(proxy.process.pid, signal.SIGCONT)
        file.settimeout(10)
        file.seek(0, 2)
        assert file.tell() == 1000
        file.close()
        client.close()
        """
    )
    handler = """
import signal
def exceed(*_):
    raise Limit("time is up")
signal.signal(signal.SIGALRM, exceed)
"""
    children.run_program(f"{limit}\n{handler}\n{source}", target)
