"""
The pipes of the path for Windows: what only they do, because a thread makes their system calls.

What they share with the polled ones is tested by running this whole folder with ``--pipes
threaded``. These tests need no such run; on stock, which has no such module, none can pass.
"""

from __future__ import annotations

import contextlib
import importlib
import linecache
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import children
import pytest
from waiting import GONE_S, PROMPT_S, Call, timed, wait_ended, wait_until

Start = Callable[[str], Any]

#: What Linux holds in a pipe, in bytes.
PIPE_SIZE_BYTES = 65_536

#: Reads nothing until it gets SIGUSR1, then counts its input and says how much it was in a file.
COUNTS_INPUT_INTO = """
    import os, signal
    told = []
    signal.signal(signal.SIGUSR1, lambda *_: told.append(1))
    os.write(1, b"ready")
    while not told:
        signal.pause()
    count = 0
    while True:
        piece = os.read(0, 1 << 20)
        if not piece:
            break
        count += len(piece)
    with open({path!r} + ".new", "w") as file:
        file.write(str(count))
    os.rename({path!r} + ".new", {path!r})
"""

#: Writes until its output has taken nothing for half a second; says on stderr how much it took.
FILLS_OUTPUT = children.python(
    """
    import os, select, time
    os.set_blocking(1, False)
    count = 0
    while select.select([], [1], [], 0.5)[1]:
        count += os.write(1, b"x" * 1024)
    os.write(2, b"%d." % count)
    time.sleep(60)
    """
)

#: Takes from the whole program what the library has to do without. What the standard library asks
#: for at its own import it has asked for before.
WITHOUT_NAMES = """
import asyncio, concurrent.futures.thread, logging, os, random, select, subprocess, unittest.mock
for name in "eventfd getsid killpg pidfd_open register_at_fork set_blocking waitid".split():
    if hasattr(os, name):
        delattr(os, name)
del select.epoll, select.poll
"""

#: Exits at once, and leaves a descendant that holds its stderr; says the descendant's number.
LEAVES_STDERR_OPEN = children.sh("sleep 60 </dev/null >/dev/null & echo $!; echo words >&2")


@pytest.fixture
def module(target: str) -> Any:
    """
    Return the module with the pipes of that path.
    """
    return importlib.import_module(f"{target}._proxy_pipes_threaded")


@pytest.fixture
def threads(target: str) -> Any:
    """
    Return the module with their threads.
    """
    return importlib.import_module(f"{target}._proxy_threads")


@pytest.fixture
def start(module: Any) -> Iterator[Start]:
    """
    Return a function that starts a program and gives the pipes to it; both end with the test.
    """
    started: list[Any] = []

    def start_one(command: str) -> Any:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            shlex.split(command), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe
        )
        pipes = module.ThreadedProxyPipes(process)
        pipes.process = process
        started.append(pipes)
        return pipes

    yield start_one
    for pipes in started:
        pipes.close()
        pipes.process.kill()
        pipes.process.wait(5)


def kernel_threads() -> set[str]:
    """
    Return the numbers of this process's threads, whoever has started them.

    Not their count: one of an earlier test may still be on its way out, and would make up for one
    that was started since.
    """
    return set(os.listdir("/proc/self/task"))


def write_until_full(pipes: Any) -> int:
    """
    Write until nothing is accepted any more; return how many bytes were.
    """
    accepted = 0
    while True:
        try:
            accepted += pipes.write(memoryview(b"x" * 100_000), 0)
        except BlockingIOError:
            return accepted


def test_no_thread_starts_before_the_first_byte_is_to_move(start: Start) -> None:
    """
    A proxy that was started and never used costs no thread.
    """
    before = kernel_threads()
    pipes = start(children.RELAY)
    assert kernel_threads() <= before
    with pytest.raises(socket.timeout):
        pipes.read(1, 0.001)
    assert len(kernel_threads() - before) == 2


def test_accepted_bytes_arrive_when_close_follows_at_once(start: Start, tmp_path: Path) -> None:
    """
    What was accepted is in no pipe yet, and reaches the proxy all the same, before end of input.
    """
    path = tmp_path / "count"
    pipes = start(children.python(COUNTS_INPUT_INTO.format(path=str(path))))
    assert pipes.read(5, 5) == b"ready"
    accepted = write_until_full(pipes)
    assert accepted > PIPE_SIZE_BYTES

    assert timed(pipes.close) < PROMPT_S

    os.kill(pipes.process.pid, signal.SIGUSR1)
    wait_until(path.exists, 5, "the proxy to see the end of its input")
    assert int(path.read_text()) == accepted


def test_output_is_read_ahead_only_so_far_when_nobody_reads(start: Start, threads: Any) -> None:
    """
    A proxy that floods its output meets a full pipe, and the rest waits on its side.
    """
    pipes = start(FILLS_OUTPUT)
    assert pipes.wait_readable(5)
    wait_until(lambda: b"." in pipes.stderr_tail(), 10, "the output to be full")
    written = int(pipes.stderr_tail()[:-1])
    assert threads.READ_AHEAD < written <= threads.READ_AHEAD + PIPE_SIZE_BYTES

    held = 0
    while held < written:
        held += len(pipes.read(65536, 5))
    assert held == written
    with pytest.raises(BlockingIOError):
        pipes.read(1, 0)


def is_at_read(work: Any) -> bool:
    """
    Tell whether a thread that runs this function is at a read, or in it.

    Until it has come there it may still find out that it is to end.
    """
    return any(
        frame.f_code is work.__code__
        and "os.read(" in linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        for frame in sys._current_frames().values()
    )


def test_one_thread_stays_when_a_descendant_holds_stderr_and_goes_with_it(
    start: Start, module: Any
) -> None:
    """
    Close waits for no thread; the one that cannot be woken frees its descriptor when it can.
    """
    before = kernel_threads()
    pipes = start(LEAVES_STDERR_OPEN)
    holder = int(pipes.read(64, 5))
    try:
        wait_ended(pipes.process.pid)
        wait_until(lambda: pipes.stderr_tail() == b"words\n", PROMPT_S, "the words")
        wait_until(lambda: is_at_read(module.Stderr._work), PROMPT_S, "the next read")
        assert timed(pipes.close) < PROMPT_S
        wait_until(lambda: len(kernel_threads() - before) == 1, PROMPT_S, "one thread to be left")
        assert pipes.process.stdin.closed
        assert not pipes.process.stderr.closed
    finally:
        os.kill(holder, signal.SIGKILL)
    wait_until(lambda: pipes.process.stderr.closed, PROMPT_S, "stderr to be closed")


def test_program_exits_at_once_when_a_descendant_holds_stderr(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A thread that is blocked for longer than the program lives does not keep it.
    """
    monkeypatch.setattr(children, "threaded_pipes", True)
    holder = children.run_program(
        f"""
        proxy = paramiko.ProxyCommand({LEAVES_STDERR_OPEN!r})
        proxy.settimeout(5)
        print(proxy.recv(64).decode())
        """,
        target,
        timeout_s=15,
    )
    os.kill(int(holder), signal.SIGKILL)
    wait_ended(int(holder), GONE_S)


def test_library_works_when_names_are_missing_from_the_start(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nor does the import of the library need what Windows does not have.
    """
    monkeypatch.setattr(children, "threaded_pipes", True)
    children.run_program(
        f"""
        import os, select
        assert not hasattr(os, "register_at_fork") and not hasattr(select, "poll")
        with paramiko.ProxyCommand({children.RELAY!r}) as proxy:
            proxy.settimeout(5)
            assert proxy.send(b"abc") == 3
            assert proxy.recv(3) == b"abc"
        assert type(proxy._adopt().pipes).__name__ == "ThreadedProxyPipes"
        """,
        target,
        first=WITHOUT_NAMES,
    )


def test_wait_readable_returns_false_when_the_time_is_over(start: Start) -> None:
    """
    A relay that says nothing makes it wait for so long, and no longer.
    """
    pipes = start(children.RELAY)
    assert Call(pipes.wait_readable, 0.1).result() is False
    assert Call(pipes.wait_readable, 0).result() is False


NEWS: dict[str, Callable[[Any], Any]] = {
    "data": lambda pipes: pipes.write(memoryview(b"x"), 1),
    "end": lambda pipes: pipes.process.kill(),
    "close": lambda pipes: pipes.close(),
    "close-read": lambda pipes: pipes.close_read(),
    "limit": lambda pipes: pipes.limit_reading(0),
    "wake": lambda pipes: pipes.wake_reader(),
}


@pytest.mark.parametrize("early", [True, False], ids=["before", "meanwhile"])
@pytest.mark.parametrize("bring", NEWS.values(), ids=NEWS)
def test_wait_readable_returns_true_when_there_is_news(
    start: Start, bring: Callable[[Any], Any], early: bool
) -> None:
    """
    Whatever makes a read return at once, and a call to wake it, ends the wait; none is lost.
    """
    pipes = start(children.RELAY)
    if early:
        bring(pipes)
    waiting = Call(pipes.wait_readable, None)
    if not early:
        assert waiting.blocks(0.02)
        bring(pipes)
    assert waiting.result() is True


@pytest.mark.race
def test_wake_reader_ends_one_wait_and_not_the_next(start: Start) -> None:
    """
    A call to wake is used up by the wait that it has ended.
    """
    pipes = start(children.RELAY)
    for _ in range(50):
        waiting = Call(pipes.wait_readable, None)
        pipes.wake_reader()
        assert waiting.result() is True
        assert pipes.wait_readable(0) is False


@pytest.mark.parametrize("call", ["read", "write", "wait_readable"])
def test_main_thread_looks_for_interrupts_while_it_waits(
    start: Start, threads: Any, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """
    No single wait of the main thread is long, because on Windows Ctrl-C cannot end one.
    """
    waits: list[float] = []
    wait = threads.Waiters.wait

    def timed_wait(*args: Any) -> None:
        started = time.monotonic()
        wait(*args)
        if threading.current_thread() is threading.main_thread():
            waits.append(time.monotonic() - started)

    pipes = start(children.STALLED)
    calls = {
        "read": lambda: pipes.read(1, 1.2),
        "write": lambda: pipes.write(memoryview(b"x"), 1.2),
        "wait_readable": lambda: pipes.wait_readable(1.2),
    }
    if call == "write":
        write_until_full(pipes)
    monkeypatch.setattr(threads.Waiters, "wait", timed_wait)
    started = time.monotonic()
    with contextlib.suppress(socket.timeout):
        assert calls[call]() is False
    assert 1.2 <= time.monotonic() - started < 1.2 + PROMPT_S
    assert len(waits) >= 3
    assert max(waits) < 1.2


def test_wait_readable_takes_nothing(start: Start) -> None:
    """
    What it has announced is there for the read, with no time to wait.
    """
    pipes = start(children.RELAY)
    pipes.write(memoryview(b"abc"), 1)
    assert pipes.wait_readable(5)
    assert pipes.wait_readable(5)
    assert pipes.read(16, 0) == b"abc"
