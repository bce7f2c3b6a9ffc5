"""
Closing a file whose writes were lost with the proxy: it is told once, and never for nothing.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

#: Keeps its input open and reads it.
READS = "exec cat >/dev/null"


def open_stdin(connection: Connection, _: Path) -> Any:
    """
    Return the buffered input of a command.
    """
    return connection.run(READS).makefile_stdin("wb", 8192)


def open_channel_file(connection: Connection, _: Path) -> Any:
    """
    Return a buffered file of a channel.
    """
    return connection.run(READS).makefile("wb", 8192)


def open_sftp_file(connection: Connection, folder: Path) -> Any:
    """
    Return a buffered file on the server.
    """
    return connection.client.open_sftp().open(str(folder / "file"), "wb", 8192)


def open_pipelined(connection: Connection, folder: Path) -> Any:
    """
    Return an unbuffered file on the server, whose proxy lets nothing through any more.
    """
    file = connection.client.open_sftp().open(str(folder / "file"), "wb")
    file.set_pipelined(True)
    connection.stall()
    return file


OPENERS = [open_stdin, open_channel_file, open_sftp_file, open_pipelined]

each_file = pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__[5:])


def error_of(call: Callable[..., Any], *args: Any) -> BaseException | None:
    """
    Return what a call raises, or ``None``.
    """
    return Call(call, *args).error(RAISES_S)


@pytest.mark.fault
@each_file
def test_close_raises_once_when_accepted_writes_were_lost(
    open_connection: Open,
    tmp_path: Path,
    opener: Callable[[Connection, Path], Any],
    fault: Fault,
    printed: list[str],
) -> None:
    """
    The first close tells why, the others and the destructor nothing; the file is closed.
    """
    connection = open_connection(fault)
    file = opener(connection, tmp_path)
    file.write(b"lost")
    connection.strike_and_wait()

    connection.assert_reason(error_of(file.close))
    assert file.closed
    assert error_of(file.close) is None
    del file
    gc.collect()
    assert printed == []


@pytest.mark.fault
@each_file
def test_with_block_does_not_end_silently_when_its_writes_were_lost(
    open_connection: Open,
    paramiko: ModuleType,
    tmp_path: Path,
    opener: Callable[[Connection, Path], Any],
) -> None:
    """
    The end of the block raises.
    """
    connection = open_connection()

    def write() -> None:
        with opener(connection, tmp_path) as file:
            file.write(b"lost")
            connection.strike_and_wait()

    connection.assert_reason(raised(Call(write), 2 * RAISES_S))


@pytest.mark.fault
@each_file
def test_close_raises_when_killed_during_it(
    open_connection: Open, tmp_path: Path, opener: Callable[[Connection, Path], Any]
) -> None:
    """
    A close that waits for the server's answers, or for room in the pipe, gets the failure.
    """
    connection = open_connection()
    file = opener(connection, tmp_path)
    if hasattr(file, "channel"):
        file.channel.out_window_size = 0
    elif opener is open_sftp_file:
        connection.stall()
    file.write(b"lost")

    (error,) = connection.strike_during(file.close)

    connection.assert_reason(error)
    assert error_of(file.close) is None


@pytest.mark.fault
@pytest.mark.parametrize("opener", OPENERS[:3], ids=lambda opener: opener.__name__[5:])
def test_flush_raises_and_close_is_silent_when_buffered_writes_were_lost(
    open_connection: Open, tmp_path: Path, opener: Callable[[Connection, Path], Any], fault: Fault
) -> None:
    """
    Whichever comes first tells of the loss; then there is nothing more to say.
    """
    connection = open_connection(fault)
    file = opener(connection, tmp_path)
    file.write(b"lost")
    connection.strike_and_wait()

    connection.assert_reason(error_of(file.flush))
    assert error_of(file.flush) is None
    assert error_of(file.close) is None


@pytest.mark.fault
@each_file
def test_write_raises_each_time_and_close_is_silent_after_it(
    open_connection: Open, tmp_path: Path, opener: Callable[[Connection, Path], Any]
) -> None:
    """
    A write is refused, also one that would only have been buffered, and tells of what was lost.
    """
    connection = open_connection()
    file = opener(connection, tmp_path)
    file.write(b"lost")
    connection.strike_and_wait()

    connection.assert_reason(error_of(file.write, b"refused"))
    connection.assert_reason(error_of(file.write, b"refused"))
    assert error_of(file.close) is None


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["stdin", "sftp"])
def test_line_buffered_write_raises_and_close_is_silent_after_it(
    open_connection: Open, tmp_path: Path, kind: str
) -> None:
    """
    A buffer that a write could not empty is not tried again.
    """
    connection = open_connection()
    if kind == "sftp":
        file = connection.client.open_sftp().open(str(tmp_path / "file"), "w", 1)
    else:
        file = connection.run(READS).makefile_stdin("w", 1)
    file.write("half a")
    connection.strike_and_wait()

    connection.assert_reason(error_of(file.write, " line\n"))
    assert error_of(file.close) is None


@pytest.mark.fault
@each_file
def test_dropped_file_prints_nothing_when_its_writes_were_lost(
    open_connection: Open,
    tmp_path: Path,
    opener: Callable[[Connection, Path], Any],
    printed: list[str],
) -> None:
    """
    A destructor has nobody to tell, whoever has ended the connection.
    """
    connection = open_connection()
    file = opener(connection, tmp_path)
    file.write(b"lost")
    connection.strike_and_wait()
    del file
    gc.collect()

    assert printed == []


@pytest.mark.parametrize("opener", OPENERS[:3], ids=lambda opener: opener.__name__[5:])
def test_dropped_file_prints_nothing_when_the_program_closed_the_connection(
    open_connection: Open,
    tmp_path: Path,
    opener: Callable[[Connection, Path], Any],
    printed: list[str],
) -> None:
    """
    Stock prints that the socket is closed.
    """
    connection = open_connection()
    file = opener(connection, tmp_path)
    file.write(b"lost")
    connection.client.close()
    del file
    gc.collect()

    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize("opener", OPENERS[:3], ids=lambda opener: opener.__name__[5:])
def test_close_is_silent_when_nothing_was_written(
    open_connection: Open, tmp_path: Path, opener: Callable[[Connection, Path], Any], fault: Fault
) -> None:
    """
    A file with nothing to lose is closed as ever, dead connection or not.
    """
    connection = open_connection(fault)
    file = opener(connection, tmp_path)
    connection.strike_and_wait()

    assert error_of(file.flush) is None
    assert error_of(file.close) is None
    assert file.closed


@pytest.mark.fault
@pytest.mark.parametrize("mode", ["r", "w"])
def test_close_of_file_on_server_is_silent_when_all_was_confirmed(
    open_connection: Open, tmp_path: Path, mode: str, printed: list[str]
) -> None:
    """
    Killed while it waits for the answer to the close alone, which loses nothing.
    """
    (tmp_path / "file").write_bytes(b"abc")
    connection = open_connection()
    file = connection.client.open_sftp().open(str(tmp_path / "file"), mode)
    if mode == "w":
        file.write(b"confirmed")
    else:
        assert file.read() == b"abc"
    connection.stall()
    closing = Call(file.close)
    assert closing.blocks()
    connection.strike()

    assert closing.result(RAISES_S) is None
    assert file.closed
    del file
    gc.collect()
    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize("moment", ["before", "during"])
def test_close_of_pipelined_file_is_silent_when_answers_had_arrived(
    open_connection: Open, tmp_path: Path, moment: str
) -> None:
    """
    Answers that nobody has read yet confirm the writes all the same.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    file.set_pipelined(True)
    for _ in range(3):
        file.write(b"confirmed")
    # 24 bytes an answer, with "Success" and a language that is empty.
    one_answer_bytes = 4 + 1 + 4 + 4 + (4 + len("Success")) + 4
    wait_until(lambda: len(sftp.sock.in_buffer) == 3 * one_answer_bytes, 10, "three answers")
    if moment == "before":
        connection.strike_and_wait()
        assert error_of(file.close) is None
    else:
        connection.stall()
        closing = Call(file.close)
        assert closing.blocks()
        connection.strike()
        assert closing.result(RAISES_S) is None
    assert (tmp_path / "file").read_bytes() == 3 * b"confirmed"


@pytest.mark.fault
def test_close_raises_the_time_limit_when_stalled_with_unconfirmed_writes(
    open_connection: Open, paramiko: ModuleType, tmp_path: Path
) -> None:
    """
    The caller's limit is honoured and not swallowed: upstream ends the close as if all was well.
    """
    connection = open_connection()
    file = open_pipelined(connection, tmp_path)
    file.settimeout(0.1)
    file.write(b"lost")

    assert isinstance(error_of(file.close), socket.timeout)
    assert error_of(file.close) is None
    connection.strike()


@pytest.mark.fault
def test_close_of_everything_is_silent_when_accepted_writes_were_lost(
    open_connection: Open, tmp_path: Path, fault: Fault, printed: list[str]
) -> None:
    """
    Only files tell of the loss: client, channel and session have no part in it.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    file.set_pipelined(True)
    connection.stall()
    file.write(b"lost")
    connection.strike_and_wait()

    for close in (sftp.close, sftp.sock.close, connection.client.close, connection.transport.close):
        assert error_of(close) is None
        assert error_of(close) is None
    connection.assert_reason(error_of(file.close))
    assert printed == []
