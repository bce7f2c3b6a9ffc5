"""
A file-like read that is cut short: what it had taken is not lost.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import RAISES_S, Connection
from waiting import Call, wait_until

#: Two lines and a half, then nothing until the input ends.
COMMAND = r"printf 'one\ntwo\nthr'; exec cat >/dev/null"
WRITTEN = b"one\ntwo\nthr"


@pytest.fixture
def file(open_connection: Callable[..., Connection]) -> tuple[Connection, Any]:
    """
    Return a connection and the output of a command on it, which has come to a stop.
    """
    connection = open_connection()
    channel = connection.run(COMMAND)
    wait_until(lambda: len(channel.in_buffer) == len(WRITTEN), 10, "what the command writes")
    return connection, channel.makefile("rb")


def read_all(file: Any) -> Any:
    return file.read()


def read_more_than_there_is(file: Any) -> Any:
    return file.read(1000)


def read_lines(file: Any) -> Any:
    return file.readlines()


READS = [read_all, read_more_than_there_is, read_lines]


@pytest.mark.fault
@pytest.mark.parametrize("read", READS, ids=lambda read: read.__name__)
def test_read_keeps_what_it_had_taken_when_killed(
    file: tuple[Connection, Any], read: Callable[[Any], Any]
) -> None:
    """
    What a read had taken is on the failure, and what it can satisfy is read afterwards.
    """
    connection, stdout = file

    (error,) = connection.strike_during(lambda: read(stdout))

    connection.assert_reason(error)
    assert getattr(error, "partial", None) == WRITTEN
    assert stdout.tell() == 0
    assert stdout.read(4) == b"one\n"
    assert stdout.readline() == b"two\n"
    assert stdout.tell() == 8


@pytest.mark.fault
def test_readline_keeps_half_a_line_when_killed(
    paramiko: ModuleType, file: tuple[Connection, Any]
) -> None:
    """
    Whole lines are returned; the half one is on the failure, again and again.
    """
    connection, stdout = file
    assert [stdout.readline(), stdout.readline()] == [b"one\n", b"two\n"]

    (error,) = connection.strike_during(stdout.readline)

    connection.assert_reason(error)
    assert getattr(error, "partial", None) == b"thr"
    with pytest.raises(paramiko.ProxyCommandFailure) as again:
        stdout.read()
    assert again.value.partial == b"thr"
    assert stdout.read(3) == b"thr"


@pytest.mark.fault
def test_iteration_returns_whole_lines_first_when_killed(file: tuple[Connection, Any]) -> None:
    """
    A loop over the lines gets those that are whole, then the failure with the rest.
    """
    connection, stdout = file
    lines: list[bytes] = []

    def loop() -> None:
        for line in stdout:
            lines.append(line)

    (error,) = connection.strike_during(loop)

    connection.assert_reason(error)
    assert lines == [b"one\n", b"two\n"]
    assert getattr(error, "partial", None) == b"thr"


@pytest.mark.fault
def test_readlines_keeps_text_lines_when_killed(
    open_connection: Callable[..., Connection],
) -> None:
    """
    Lines that were decoded already go back as the bytes they were.
    """
    connection = open_connection()
    text = "fünf\nsechs\nsie"
    channel = connection.run(f"printf '{text}'; exec cat >/dev/null")
    wait_until(lambda: len(channel.in_buffer) == len(text.encode()), 10, "what it writes")
    stdout = channel.makefile("r")

    (error,) = connection.strike_during(stdout.readlines)

    assert getattr(error, "partial", None) == text.encode()
    assert stdout.readline() == "fünf\n"


def test_read_returns_all_when_the_command_ends(
    open_connection: Callable[..., Connection],
) -> None:
    """
    A stream that the server ends properly ends without an error, also after the death.
    """
    connection = open_connection()
    channel = connection.run(r"printf 'one\ntwo\nthr'")
    wait_until(lambda: channel.eof_received, 10, "the end of the command's output")
    connection.strike_and_wait()

    assert channel.makefile("rb").read() == WRITTEN
    assert channel.makefile("rb").read() == b""


#: Prints two halves of a line, so that a read waits with the first in hand, then what it is told.
HALVES = "printf 'one\\nt'; sleep 0.1; printf 'wo'; exec cat"

#: Reads that are cut short before the line ends.
CUT_SHORT = {
    "readline": "file.readline()",
    "readline-size": "file.readline(1000)",
    "readlines": "file.readlines()",
    "iteration": "[line for line in file]",
    "read": "file.read()",
    "read-size": "file.read(1000)",
}


@pytest.mark.fault
@pytest.mark.parametrize("read", CUT_SHORT.values(), ids=CUT_SHORT)
@pytest.mark.parametrize("mode", ["rb", "r"])
def test_read_keeps_what_it_had_taken_when_time_limit_runs_out(
    open_connection: Callable[..., Connection], read: str, mode: str
) -> None:
    """
    The next read begins with it, and the position is what it was.
    """
    channel = open_connection().run(HALVES)
    file = channel.makefile(mode)
    assert file.readline() == ("one\n" if mode == "r" else b"one\n")
    channel.settimeout(0.4)

    assert isinstance(Call(eval, read, {"file": file}).error(RAISES_S), socket.timeout)

    assert file.tell() == 4
    channel.settimeout(10)
    channel.sendall(b"\nthree")
    channel.shutdown_write()
    assert Call(file.read).result(10) == b"two\nthree"
    assert file.tell() == 13


@pytest.mark.fault
def test_readlines_keeps_whole_lines_when_time_limit_runs_out(
    open_connection: Callable[..., Connection],
) -> None:
    """
    A time limit has no ``partial``; the lines come again.
    """
    channel = open_connection().run("printf 'fünf\\nsechs\\nsie'; exec cat")
    file = channel.makefile("r")
    channel.settimeout(0.4)

    error = Call(file.readlines).error(RAISES_S)

    assert isinstance(error, socket.timeout)
    assert not hasattr(error, "partial")
    channel.settimeout(10)
    channel.shutdown_write()
    assert Call(file.readlines).result(10) == ["fünf\n", "sechs\n", "sie"]


@pytest.mark.parametrize(
    ("read", "limit"),
    [
        (CUT_SHORT["readline"], "Exception"),
        (CUT_SHORT["readlines"], "BaseException"),
        (CUT_SHORT["iteration"], "OSError"),
        (CUT_SHORT["read"], "Exception"),
    ],
)
def test_read_keeps_what_it_had_taken_when_handler_raises(
    target: str, client_source: Callable[[str], str], read: str, limit: str
) -> None:
    """
    Handlers run in the main thread only.
    """
    source = client_source(
        f"""
        class Limit({limit}):
            pass
        def exceed(*_):
            raise Limit("time is up")
        signal.signal(signal.SIGALRM, exceed)
        client = connect()
        channel = client.get_transport().open_session()
        channel.exec_command({HALVES!r})
        channel.settimeout(10)
        file = channel.makefile("rb")
        assert file.readline() == b"one\\n"
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        exceeded = False
        try:
            {read}
        except Limit:
            exceeded = True
        assert exceeded
        channel.sendall(b"\\nthree")
        channel.shutdown_write()
        assert file.read() == b"two\\nthree"
        client.close()
        """
    )
    children.run_program(source, target)


def test_readline_without_proxy_is_what_it_was(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any]
) -> None:
    """
    What must not change: over a plain socket a file does what upstream's does, which loses it.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("printf par; sleep 0.1; printf tia; exec cat")
    channel.settimeout(0.5)
    file = channel.makefile("rb")

    assert isinstance(Call(file.readline).error(RAISES_S), socket.timeout)

    channel.settimeout(10)
    channel.sendall(b"l\n")
    is_plain = not isinstance(transport.sock, paramiko.ProxyCommand)
    assert Call(file.readline).result(10) == (b"l\n" if is_plain else b"partial\n")
