"""
A buffered file whose flush is cut short: what is on its way is not written again.

Handlers run in the main thread only, therefore some cases are programs of their own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call

Source = Callable[[str], str]

LIMITS = {
    "exception": "class Limit(Exception): pass",
    "os-error": "Limit = OSError",
    "base-exception": "class Limit(BaseException): pass",
}

PRELUDE = """
import os, signal, threading, time
def exceed(*_):
    raise Limit("time is up")
signal.signal(signal.SIGALRM, exceed)

def write_until_limit(file, first):
    # A line counts from the moment at which it is in the buffer, therefore
    # the limit has to come when no line has been written for a while.
    counts = [first]
    def exceed_when_blocked():
        seen = None
        while seen != counts[0]:
            seen = counts[0]
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGALRM)
    threading.Thread(target=exceed_when_blocked, daemon=True).start()
    try:
        while True:
            counts[0] += 1
            file.write(b"%07d\\n" % (counts[0] - 1))
    except Limit as limit:
        assert str(limit) == "time is up", limit
    return counts[0]

def expected(count):
    return b"".join(b"%07d\\n" % number for number in range(count))
"""


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_file_of_channel_writes_each_line_once_when_handlers_raise(
    target: str, client_source: Source, limit: str
) -> None:
    """
    The proxy is stopped three times, and the pipe to it full each time.

    Stock's session does not survive the first.
    """
    source = client_source(
        """
        client = connect()
        proxy = client.get_transport().sock
        stdin, stdout, _ = client.exec_command("cat")
        stdout.channel.settimeout(10)
        received = []
        reader = threading.Thread(target=lambda: received.append(stdout.read()))
        reader.start()
        file = stdout.channel.makefile("wb", 65536)
        count = 0
        for _ in range(3):
            os.kill(proxy.process.pid, signal.SIGSTOP)
            count = write_until_limit(file, count)
            os.kill(proxy.process.pid, signal.SIGCONT)
        file.flush()
        stdin.channel.shutdown_write()
        reader.join(10)
        assert count > 10000, count
        assert received == [expected(count)], (count, len(received[0]) / 8)
        client.close()
        """
    )
    children.run_program(f"{limit}\n{PRELUDE}\n{source}", target)


def test_flush_keeps_what_was_not_queued_when_handler_raises(
    target: str, client_source: Source
) -> None:
    """
    A buffer of which only the beginning had room on the way is written to its end later.
    """
    source = client_source(
        """
        client = connect()
        proxy = client.get_transport().sock
        stdin, stdout, _ = client.exec_command("cat")
        stdout.channel.settimeout(10)
        file = stdout.channel.makefile("wb", 10_000_000)
        file.write(expected(500_000))
        os.kill(proxy.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 1)
        exceeded = False
        try:
            file.flush()
        except Limit:
            exceeded = True
        assert exceeded
        assert 0 < file.tell() < 4_000_000, file.tell()
        os.kill(proxy.process.pid, signal.SIGCONT)
        received = []
        reader = threading.Thread(target=lambda: received.append(stdout.read()))
        reader.start()
        file.flush()
        assert file.tell() == 4_000_000
        stdin.channel.shutdown_write()
        reader.join(20)
        assert received == [expected(500_000)], len(received[0]) / 8
        client.close()
        """
    )
    children.run_program(f"{LIMITS['exception']}\n{PRELUDE}\n{source}", target)


@pytest.mark.parametrize("mode", ["ab", "wb"])
@pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "one-by-one"])
def test_sftp_file_has_each_line_once_when_handlers_raise(
    target: str, client_source: Source, tmp_path: Path, mode: str, pipelined: bool
) -> None:
    """
    A file that is opened for appending cannot write to the same place again.
    """
    source = client_source(
        f"""
        client = connect()
        proxy = client.get_transport().sock
        sftp = client.open_sftp()
        path = {str(tmp_path / "file")!r}
        open(path, "wb").close()
        file = sftp.open(path, {mode!r}, 30000)
        file.set_pipelined({pipelined})
        count = 0
        for _ in range(3):
            os.kill(proxy.process.pid, signal.SIGSTOP)
            count = write_until_limit(file, count)
            os.kill(proxy.process.pid, signal.SIGCONT)
        file.settimeout(10)
        file.flush()
        assert file.tell() == 8 * count, (file.tell(), count)
        file.close()
        with open(path, "rb") as written:
            content = written.read()
        assert count > 3000, count
        assert content == expected(count), (count, len(content) / 8)
        client.close()
        """
    )
    children.run_program(f"{LIMITS['exception']}\n{PRELUDE}\n{source}", target)


@pytest.fixture
def stalled(
    open_connection: Callable[..., Connection], tmp_path: Path
) -> tuple[Connection, Any, Path]:
    """
    Return a connection, and a file opened for appending that has met a time limit on it.
    """
    path = tmp_path / "file"
    path.write_bytes(b"before ")
    connection = open_connection()
    file = connection.client.open_sftp().open(str(path), "ab", 100)
    connection.stall()
    file.settimeout(0.2)
    assert isinstance(Call(file.write, b"x" * 100).error(RAISES_S), socket.timeout)
    return connection, file, path


@pytest.mark.fault
def test_appended_once_when_answer_comes_after_time_limit(
    stalled: tuple[Connection, Any, Path],
) -> None:
    """
    The write is on its way when the time limit for its answer runs out.
    """
    connection, file, path = stalled
    connection.resume()
    file.settimeout(10)

    Call(file.write, b" after").result(10)
    Call(file.close).result(10)

    assert path.read_bytes() == b"before " + b"x" * 100 + b" after"


@pytest.mark.fault
def test_close_tells_loss_when_proxy_dies_after_time_limit(
    stalled: tuple[Connection, Any, Path],
) -> None:
    """
    What must not change: what is not in the buffer any more is not confirmed either.
    """
    connection, file, _ = stalled
    connection.strike_and_wait()

    connection.assert_reason(raised(Call(file.close), RAISES_S))
    assert Call(file.close).result() is None


def test_refused_write_is_tried_again_by_close(
    open_connection: Callable[..., Connection],
) -> None:
    """
    What must not change: the server has not written what it refuses.
    """
    file = open_connection().client.open_sftp().open("/dev/full", "ab", 100)

    assert isinstance(Call(file.write, b"x" * 100).error(10), OSError)
    assert file.tell() == 0
    assert isinstance(Call(file.close).error(10), OSError)
    file._wbuffer.truncate(0)
    Call(file.close).result(10)


def test_file_keeps_whole_buffer_without_proxy(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any]
) -> None:
    """
    What must not change: over a plain socket a file does what upstream's does.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("sleep 10")
    channel.settimeout(0.2)
    file = channel.makefile("wb", 10_000_000)
    file.write(b"x" * 6_000_000)

    assert isinstance(Call(file.flush).error(10), socket.timeout)

    is_plain = not isinstance(transport.sock, paramiko.ProxyCommand)
    assert (len(file._wbuffer.getvalue()) == 6_000_000) is is_plain
    assert (file.tell() == 0) is is_plain
    file._wbuffer.truncate(0)
