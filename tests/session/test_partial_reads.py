"""
A file-like read that meets the proxy's death: what it had taken is not lost.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection
from waiting import wait_until

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
