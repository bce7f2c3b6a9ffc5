"""
Threads that share one SFTP session: each gets its own answers, in its own time.
"""

from __future__ import annotations

import hashlib
import io
import random
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from session.conftest import login
from session.connection import RAISES_S, Connection, raised
from session.test_sftp_streams import open_odd
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

THREADS = 6
ROUNDS = 30
LIMIT_S = 0.3


def look_often(sftp: Any, path: Path, size: int) -> None:
    """
    Check that each answer is the one to what was asked.
    """
    for _ in range(ROUNDS):
        assert sftp.stat(str(path)).st_size == size


@pytest.mark.race
@pytest.mark.parametrize("proxied", [True, False], ids=["proxied", "plain"])
def test_each_thread_gets_its_own_answers(
    open_connection: Open,
    make_client: Callable[[], Any],
    host: Host,
    tmp_path: Path,
    proxied: bool,
) -> None:
    """
    Stock's threads take one another's, and wait for ever.
    """
    if proxied:
        client = open_connection().client
    else:
        client = make_client()
        client.connect(host.address, **login(host))
    sftp = client.open_sftp()
    calls = []
    for size in range(THREADS):
        (tmp_path / str(size)).write_bytes(bytes(size))
        calls.append(Call(look_often, sftp, tmp_path / str(size), size))

    for call in calls:
        assert call.result(20) is None
    assert len(sftp._expecting) == 0


@pytest.mark.race
def test_transfers_and_calls_of_many_threads_at_once(open_connection: Open, tmp_path: Path) -> None:
    """
    Files go both ways, one is prefetched and one written, while another thread lists.
    """
    contents = [random.Random(seed).randbytes(700_000) for seed in range(4)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    sftp = open_connection().client.open_sftp()

    def fetch() -> str:
        target = io.BytesIO()
        sftp.getfo(str(tmp_path / "0"), target)
        return hashlib.sha256(target.getvalue()).hexdigest()

    def store() -> str:
        sftp.putfo(io.BytesIO(contents[1]), str(tmp_path / "stored"))
        return hashlib.sha256((tmp_path / "stored").read_bytes()).hexdigest()

    def read() -> str:
        with sftp.open(str(tmp_path / "2")) as file:
            file.prefetch(len(contents[2]))
            return hashlib.sha256(file.read()).hexdigest()

    def write() -> str:
        with sftp.open(str(tmp_path / "written"), "wb") as file:
            file.set_pipelined(True)
            for start in range(0, len(contents[3]), 10_000):
                file.write(contents[3][start : start + 10_000])
        return hashlib.sha256((tmp_path / "written").read_bytes()).hexdigest()

    def list_often() -> str:
        for _ in range(ROUNDS):
            assert {"0", "1", "2", "3"} <= set(sftp.listdir(str(tmp_path)))
            assert {"0", "1"} <= {entry.filename for entry in sftp.listdir_iter(str(tmp_path))}
        return ""

    calls = [Call(call) for call in (fetch, store, read, write, list_often)]
    for call, content in zip(calls, contents):
        assert call.result(30) == hashlib.sha256(content).hexdigest()
    assert calls[-1].result(30) == ""
    assert len(sftp._expecting) == 0


def test_thread_whose_answer_does_not_come_holds_up_nobody(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path
) -> None:
    """
    It reads for all; each of the others has its answer at once, and it goes on waiting.
    """
    sftp = open_odd(paramiko, open_connection(), "silent")
    (tmp_path / "ask").touch()
    waiting = Call(sftp.stat, str(tmp_path / "silence"))
    assert waiting.blocks()

    for _ in range(3):
        assert Call(sftp.stat, str(tmp_path / "ask")).result(PROMPT_S).st_size == 0

    assert waiting.blocks()
    sftp.close()
    assert raised(waiting, RAISES_S)


def test_reading_is_passed_on(paramiko: ModuleType, open_connection: Open, tmp_path: Path) -> None:
    """
    The one that has read for all has its own time limit, and another one reads on.
    """
    sftp = open_odd(paramiko, open_connection(), "silent")
    (tmp_path / "ask").touch()
    reader = Call(sftp.stat, str(tmp_path / "silence"))
    wait_until(lambda: sftp._router._reader, RAISES_S, "a reader")
    others = [Call(sftp.stat, str(tmp_path / "silence")) for _ in range(2)]
    assert all(other.blocks() for other in others)
    # The reader keeps the limit that it began with: none.
    sftp.get_channel().settimeout(LIMIT_S)
    late = Call(sftp.stat, str(tmp_path / "silence"))

    assert isinstance(raised(late, RAISES_S), socket.timeout)

    assert reader.blocks()
    sftp.get_channel().settimeout(None)
    assert Call(sftp.stat, str(tmp_path / "ask")).result(PROMPT_S).st_size == 0
    sftp.close()
    for call in (reader, *others):
        assert raised(call, RAISES_S)


@pytest.mark.fault
def test_each_waiting_thread_is_told_of_the_death(open_connection: Open) -> None:
    """
    One reads and the others wait for it; each has an error of its own.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    connection.stall()

    errors = connection.strike_during(*[lambda: sftp.stat(".")] * THREADS)

    for error in errors:
        connection.assert_reason(error)
    assert len({id(error) for error in errors}) == THREADS


def test_answer_after_the_time_limit_is_nobody_elses(open_connection: Open, tmp_path: Path) -> None:
    """
    What must not change: the next call gets its own.
    """
    (tmp_path / "file").write_bytes(bytes(7))
    connection = open_connection()
    sftp = connection.client.open_sftp()
    connection.stall()
    sftp.get_channel().settimeout(LIMIT_S)
    assert isinstance(raised(Call(sftp.stat, str(tmp_path)), RAISES_S), socket.timeout)
    connection.resume()
    sftp.get_channel().settimeout(10)

    assert Call(sftp.stat, str(tmp_path / "file")).result(10).st_size == 7


def test_thread_that_a_handler_interrupts_passes_the_reading_on(
    target: str, client_source: Callable[[str], str], tmp_path: Path
) -> None:
    """
    Another thread, which has waited for it, gets its answer; the session is usable.
    """
    source = client_source(
        """
        class Limit(Exception): pass
        def exceed(*_):
            raise Limit()
        signal.signal(signal.SIGALRM, exceed)
        client = connect()
        proxy = client.get_transport().sock
        sftp = client.open_sftp()
        os.kill(proxy.process.pid, signal.SIGSTOP)
        answers = []
        def look():
            answers.append(sftp.stat("/"))
        thread = threading.Thread(target=look, daemon=True)
        signal.setitimer(signal.ITIMER_REAL, 1)
        try:
            timer = threading.Timer(0.3, thread.start)
            timer.start()
            sftp.stat("/")
        except Limit:
            pass
        else:
            raise AssertionError("no limit")
        os.kill(proxy.process.pid, signal.SIGCONT)
        thread.join(10)
        assert len(answers) == 1, answers
        assert sftp.stat("/").st_mode == answers[0].st_mode
        client.close()
        """
    )
    children.run_program(source, target)
