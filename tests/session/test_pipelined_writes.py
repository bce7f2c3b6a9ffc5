"""
Pipelined writes over SFTP: the way to the server does not run dry, no answer is lost.

`/dev/full` refuses every write, as a full disk does.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session.conftest import login
from session.connection import RAISES_S, Connection
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.faults import Fault
from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

#: So many writes may be unanswered before the file reads answers.
MOST_UNREAD = 100

#: As sshd sends it, with "Success" or "Failure" and a language that is empty.
ANSWER_SIZE_BYTES = 4 + 1 + 4 + 4 + (4 + len("Success")) + 4

PIECE = b"written\n"
FULL = "/dev/full"


def open_pipelined(sftp: Any, path: str) -> Any:
    """
    Return an unbuffered file that does not wait for answers.
    """
    file = sftp.open(path, "wb")
    file.set_pipelined(True)
    return file


def wait_for_answers(sftp: Any, count: int) -> None:
    """
    Wait until so many answers to writes have arrived that nobody has read.
    """
    wait_until(
        lambda: len(sftp.sock.in_buffer) == count * ANSWER_SIZE_BYTES, 10, f"{count} answers"
    )


def write_many(file: Any, count: int) -> None:
    """
    Write so many pieces.
    """
    for _ in range(count):
        file.write(PIECE)


def test_write_does_not_wait_for_answers_that_have_not_come(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    Half of the answers are there, and no more can come.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = open_pipelined(sftp, str(tmp_path / "file"))
    write_many(file, MOST_UNREAD // 2)
    wait_for_answers(sftp, MOST_UNREAD // 2)
    connection.stall()

    writing = Call(write_many, file, MOST_UNREAD)

    try:
        assert writing.result(PROMPT_S) is None
    finally:
        connection.resume()
    assert Call(file.close).result(10) is None
    assert (tmp_path / "file").read_bytes() == PIECE * (MOST_UNREAD * 3 // 2)


def test_answers_do_not_pile_up(open_connection: Open, tmp_path: Path) -> None:
    """
    What must not change: a file that is written for ever keeps no more of them than before.
    """
    sftp = open_connection().client.open_sftp()
    file = open_pipelined(sftp, str(tmp_path / "file"))
    for _ in range(5):
        write_many(file, MOST_UNREAD)
        assert len(sftp._expecting) <= MOST_UNREAD + 1
        wait_for_answers(sftp, len(sftp._expecting))
    file.close()
    assert (tmp_path / "file").read_bytes() == PIECE * MOST_UNREAD * 5


@pytest.mark.parametrize("stays", [True, False], ids=["stays-pipelined", "waits-again"])
def test_answers_that_another_call_has_read_are_not_waited_for(
    open_connection: Open, tmp_path: Path, stays: bool
) -> None:
    """
    Stock waits for ever for the answers that `stat` had to take before its own.
    """
    sftp = open_connection().client.open_sftp()
    file = open_pipelined(sftp, str(tmp_path / "file"))
    write_many(file, MOST_UNREAD // 2)
    sftp.stat(str(tmp_path))
    file.set_pipelined(stays)

    writing = Call(write_many, file, MOST_UNREAD * 2)

    assert writing.result(10) is None
    assert Call(file.close).result(10) is None
    assert (tmp_path / "file").read_bytes() == PIECE * (MOST_UNREAD * 5 // 2)


def test_close_tells_once_what_the_server_refused(
    open_connection: Open, printed: list[str]
) -> None:
    """
    As the description of `set_pipelined` promises; stock says nothing of fewer than a hundred.
    """
    file = open_pipelined(open_connection().client.open_sftp(), FULL)
    write_many(file, 3)

    with pytest.raises(OSError, match="Failure"):
        file.close()

    assert file.closed
    assert file.close() is None
    del file
    gc.collect()
    assert printed == []


def test_write_tells_what_the_server_refused_and_close_not_again(open_connection: Open) -> None:
    """
    A hundred refusals are one error; what is written after it is told of anew.
    """
    sftp = open_connection().client.open_sftp()
    file = open_pipelined(sftp, FULL)
    write_many(file, MOST_UNREAD)
    wait_for_answers(sftp, MOST_UNREAD)
    file.write(PIECE)

    with pytest.raises(OSError, match="Failure"):
        file.write(PIECE)
    assert file.close() is None

    again = open_pipelined(sftp, FULL)
    write_many(again, MOST_UNREAD)
    sftp.stat(FULL)
    with pytest.raises(OSError, match="Failure"):
        again.write(PIECE)
    again.write(PIECE)
    with pytest.raises(OSError, match="Failure"):
        again.close()


@pytest.mark.parametrize("then", ["write", "close"])
def test_refusal_that_another_call_has_read_is_told(open_connection: Open, then: str) -> None:
    """
    Stock drops it: the write succeeds as it seems.
    """
    sftp = open_connection().client.open_sftp()
    file = open_pipelined(sftp, FULL)
    file.write(PIECE)
    sftp.stat(FULL)

    with pytest.raises(OSError, match="Failure"):
        file.write(PIECE) if then == "write" else file.close()

    assert file.close() is None


def test_putfo_tells_what_the_server_refused(open_connection: Open) -> None:
    """
    Without a look at the file afterwards, stock's succeeds.
    """
    sftp = open_connection().client.open_sftp()
    with pytest.raises(OSError, match="Failure"):
        sftp.putfo(io.BytesIO(PIECE), FULL, confirm=False)


def test_dropped_file_has_nobody_to_tell(open_connection: Open, printed: list[str]) -> None:
    """
    What must not change: a destructor is silent, and the session goes on.
    """
    sftp = open_connection().client.open_sftp()
    file = open_pipelined(sftp, FULL)
    write_many(file, 3)
    del file
    gc.collect()

    assert sftp.stat(FULL)
    assert len(sftp._expecting) == 0
    assert printed == []


@pytest.mark.fault
def test_refusal_that_has_come_before_the_death_is_told(
    open_connection: Open, fault: Fault
) -> None:
    """
    Every write has its answer, so the death of the proxy has lost nothing.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    file = open_pipelined(sftp, FULL)
    write_many(file, 3)
    wait_for_answers(sftp, 3)
    connection.strike_and_wait()

    error = Call(file.close).error(RAISES_S)

    assert isinstance(error, OSError)
    assert str(error) == "Failure"
    assert Call(file.close).error(RAISES_S) is None
    connection.assert_reason(Call(sftp.stat, FULL).error(RAISES_S))


@pytest.mark.fault
def test_death_is_told_when_it_left_a_write_without_answer(
    open_connection: Open, fault: Fault
) -> None:
    """
    Then more is lost than was refused, and the file has one thing to say.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    file = open_pipelined(sftp, FULL)
    write_many(file, 3)
    wait_for_answers(sftp, 3)
    connection.stall()
    file.write(PIECE)
    connection.strike_and_wait()

    connection.assert_reason(Call(file.close).error(RAISES_S))
    assert Call(file.close).error(RAISES_S) is None


def test_file_without_proxy_does_what_it_always_did(
    make_client: Callable[[], Any], host: Host
) -> None:
    """
    What must not change: there, the last refusals are not told.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    file = open_pipelined(client.open_sftp(), FULL)
    write_many(file, 3)
    assert file.close() is None
