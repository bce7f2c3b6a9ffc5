"""
`close`: quick, final, harmless to repeat, and thorough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import children
import psutil
import pytest
from interrupts import run_around
from waiting import (
    CLOSE_S,
    GONE_S,
    PROMPT_S,
    QUICK_CLOSE_S,
    Call,
    is_running,
    read_exactly,
    read_to_failure,
    timed,
    wait_ended,
    wait_reaped,
    wait_until,
)

Open = Callable[..., Any]

#: A shell that stays in front of a child which never notices the end of its input.
SHELL_BEFORE_STALLED = children.sh("sleep 60; true")

#: The same, where the child ignores SIGTERM as well; says its number and "ready" first.
GROUP_THAT_IGNORES_EVERYTHING = children.sh(
    "trap '' TERM; sh -c 'echo $$; echo ready; exec sleep 60' <&0 & sleep 60; wait"
)

#: More lines than a send and a recv run together.
MOST_LINES = 1000


@contextlib.contextmanager
def signals_recorded(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None = None
) -> Iterator[list[tuple[int, int]]]:
    """
    Record every signal this process sends: the target (pid, -group or pidfd) and the number.

    :param error: raised by every attempt instead of sending
    """
    sent: list[tuple[int, int]] = []

    def record(send: Callable[..., Any], sign: int) -> Callable[..., Any]:
        def recorded(number: int, sig: int, *rest: Any) -> Any:
            if sig == 0:
                return send(number, sig, *rest)
            sent.append((sign * number, sig))
            if error is not None:
                raise error
            return send(number, sig, *rest)

        return recorded

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", record(os.kill, 1))
        patched.setattr(os, "killpg", record(os.killpg, -1))
        if hasattr(signal, "pidfd_send_signal"):
            patched.setattr(signal, "pidfd_send_signal", record(signal.pidfd_send_signal, 1))
        yield sent


@pytest.fixture
def patient(paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let `close` wait longer for a proxy to end by itself than the few milliseconds it has.

    On a busy machine a proxy in good health may not have run at all by then.
    """
    # Stock has no such module, and sends its signal at once.
    process = sys.modules.get(f"{paramiko.__name__}._proxy_process")
    if process is not None:
        monkeypatch.setattr(process, "EOF_GRACE_S", PROMPT_S)


def children_of(pid: int) -> list[int]:
    """
    Return the process numbers of a process's own children.
    """
    return [child.pid for child in psutil.Process(pid).children()]


def test_close_returns_in_milliseconds_when_proxy_ends_with_its_input(open_proxy: Open) -> None:
    """
    A relay in good health is ended and reaped while close runs, or right after.

    Reproduces paramiko#789.
    """
    proxy = open_proxy(children.RELAY)
    assert timed(proxy.close) < QUICK_CLOSE_S
    wait_reaped(proxy.process.pid, PROMPT_S)


@pytest.mark.parametrize("how", ["close", "shutdown"])
def test_call_is_told_of_our_own_close_wherever_that_comes(
    open_proxy: Open, paramiko: ModuleType, how: str
) -> None:
    """
    Between any two lines of a send or a recv: that the proxy ends of it is no failure.
    """
    prefixes = (f"{paramiko.__name__}.proxy", f"{paramiko.__name__}._proxy")
    modules = [module for name, module in sys.modules.items() if name.startswith(prefixes)]
    for line in range(1, MOST_LINES):
        proxy = open_proxy(children.RELAY)

        def stop(proxy: Any = proxy) -> None:
            if how == "close":
                proxy.close()
            else:
                proxy.shutdown(socket.SHUT_RDWR)

        def work(proxy: Any = proxy) -> None:
            assert proxy.send(b"abc") == 3
            assert proxy.recv(3) in (b"abc", b"")

        try:
            was_stopped = run_around(modules, line, stop, work)
        except OSError as error:
            assert error.errno in (errno.EBADF, errno.EPIPE), error
            was_stopped = True
        proxy.close()
        if not was_stopped:
            assert line > 1
            return
    pytest.fail("more lines are run than are tried")


@pytest.mark.usefixtures("patient")
def test_close_sends_no_signal_when_proxy_ends_with_its_input(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The end of input comes first; a proxy that obeys it ends with status 0.
    """
    proxy = open_proxy(children.RELAY)
    proxy.send(b"x")
    read_exactly(proxy, 1)
    with signals_recorded(monkeypatch) as sent:
        proxy.close()
        wait_reaped(proxy.process.pid)
    assert sent == []
    wait_until(lambda: proxy.process.returncode == 0, PROMPT_S, "the status of the proxy")


@pytest.mark.parametrize(
    "command",
    [
        children.STALLED,
        children.IGNORES_SIGTERM,
        children.CLOSES_OUTPUT,
        SHELL_BEFORE_STALLED,
        children.python("import os\nwhile True: os.write(2, b'x' * 65536)"),
        children.python("import os\nwhile True: os.write(1, b'x' * 65536)"),
    ],
    ids=[
        "stalled",
        "ignores-sigterm",
        "closes-output",
        "shell-before-stalled",
        "floods-stderr",
        "floods-output",
    ],
)
def test_close_returns_in_time_and_process_goes_when_proxy_is_stubborn(
    open_proxy: Open, command: str
) -> None:
    """
    Close takes less than a second whatever the proxy does, and five seconds later it is gone.

    Reproduces paramiko#2570.
    """
    proxy = open_proxy(command)
    if command == children.IGNORES_SIGTERM:
        assert read_exactly(proxy, 5) == b"ready"
    assert timed(proxy.close) < CLOSE_S
    wait_reaped(proxy.process.pid)


@pytest.mark.measured
def test_close_takes_about_fifty_milliseconds_when_proxy_ignores_sigterm(
    open_proxy: Open,
) -> None:
    """
    The quickest of some counts: a busy machine adds to each, and takes nothing away.
    """
    proxies = [open_proxy(children.IGNORES_SIGTERM) for _ in range(5)]
    for proxy in proxies:
        assert read_exactly(proxy, 5) == b"ready"
    assert min(timed(proxy.close) for proxy in proxies) < 0.075
    for proxy in proxies:
        wait_reaped(proxy.process.pid)


def test_process_goes_after_close_when_proxy_is_stopped(open_proxy: Open) -> None:
    """
    A proxy that was stopped can neither read nor obey; it is killed.
    """
    proxy = open_proxy(children.RELAY)
    os.kill(proxy.process.pid, signal.SIGSTOP)
    assert timed(proxy.close) < CLOSE_S
    wait_reaped(proxy.process.pid)


def test_close_escalates_step_by_step_when_proxy_ignores_sigterm(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    SIGTERM comes before SIGKILL, each of them once, and nothing comes after the end.
    """
    proxy = open_proxy(children.IGNORES_SIGTERM)
    assert read_exactly(proxy, 5) == b"ready"
    with signals_recorded(monkeypatch) as sent:
        proxy.close()
        wait_reaped(proxy.process.pid)
    assert [sig for _, sig in sent] == [signal.SIGTERM, signal.SIGKILL]


def test_close_ends_the_child_of_a_living_shell(open_proxy: Open) -> None:
    """
    A shell in front does not leave its program behind as an orphan.
    """
    proxy = open_proxy(SHELL_BEFORE_STALLED)
    wait_until(lambda: children_of(proxy.process.pid), 5, "the shell to start its child")
    (child,) = children_of(proxy.process.pid)
    proxy.close()
    wait_ended(child)
    wait_reaped(proxy.process.pid)


@pytest.mark.usefixtures("patient")
def test_close_ends_a_relay_behind_a_shell_by_the_end_of_input(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A relay behind a shell ends by itself, and the shell after it, without any signal.
    """
    proxy = open_proxy(children.sh("cat; true"))
    proxy.send(b"x")
    read_exactly(proxy, 1)
    with signals_recorded(monkeypatch) as sent:
        proxy.close()
        wait_reaped(proxy.process.pid)
    assert sent == []


def test_close_ends_the_whole_group_when_proxy_leads_a_session(open_proxy: Open) -> None:
    """
    With `start_new_session` even children that ignore SIGTERM and the end of input are ended.
    """
    proxy = open_proxy(GROUP_THAT_IGNORES_EVERYTHING, start_new_session=True)
    text = b""
    while b"ready" not in text:
        text += proxy.recv(64)
    child = int(text.split()[0])
    proxy.close()
    wait_reaped(proxy.process.pid)
    wait_ended(child)


def test_close_is_harmless_when_repeated(open_proxy: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The second close does nothing and raises nothing.
    """
    proxy = open_proxy(children.RELAY)
    proxy.close()
    wait_reaped(proxy.process.pid)
    with signals_recorded(monkeypatch) as sent:
        for _ in range(3):
            proxy.close()
    assert sent == []


def test_close_leaves_foreign_descriptors_alone_when_repeated(open_proxy: Open) -> None:
    """
    Each descriptor is closed once: numbers that were used again meanwhile stay open.
    """
    proxy = open_proxy(children.RELAY)
    proxy.close()
    wait_reaped(proxy.process.pid)
    numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(16)]
    proxy.close()
    proxy.shutdown(socket.SHUT_RDWR)
    for stream in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
        stream.close()
    for number in numbers:
        os.close(number)  # raises if somebody else has closed it


@pytest.mark.race
@pytest.mark.parametrize("command", [children.RELAY, children.STALLED], ids=["relay", "stalled"])
def test_close_works_when_many_threads_close_at_once(open_proxy: Open, command: str) -> None:
    """
    Eight threads that close at the same moment all return in time, and none of them raises.
    """
    proxy = open_proxy(command, timeout_s=None)
    barrier = threading.Barrier(8)

    def close() -> None:
        barrier.wait(5)
        proxy.close()

    read = Call(proxy.recv, 1)
    closes = [Call(close) for _ in range(8)]
    for call in closes:
        call.result(5)
    assert read.result() == b""
    wait_reaped(proxy.process.pid)


@pytest.mark.race
def test_close_frees_no_descriptor_that_somebody_reads(open_proxy: Open) -> None:
    """
    A read that close has woken never gets bytes of a stranger who was given the same number.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 1)
    closing = Call(proxy.close)
    strangers = []
    for _ in range(20):
        reader, writer = os.pipe()
        os.write(writer, b"stranger")
        strangers += [reader, writer]
    closing.result(5)
    try:
        assert read.result() == b""
    finally:
        for number in strangers:
            os.close(number)


@pytest.mark.race
def test_close_works_when_proxy_dies_at_the_same_moment(open_proxy: Open, failure: Any) -> None:
    """
    A reader that meets both gets one of the two, and close raises nothing.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 1)
    os.kill(proxy.process.pid, signal.SIGKILL)
    proxy.close()
    error = read.error()
    assert error is None or isinstance(error, failure)
    wait_reaped(proxy.process.pid)


@pytest.mark.parametrize("command", [children.exits(3), children.KILLED], ids=["exited", "killed"])
def test_close_raises_nothing_when_proxy_is_dead(open_proxy: Open, command: str) -> None:
    """
    Closing a proxy whose death nobody has noticed yet reaps it, and that is all.
    """
    proxy = open_proxy(command)
    wait_ended(proxy.process.pid)
    assert timed(proxy.close) < QUICK_CLOSE_S
    wait_reaped(proxy.process.pid, PROMPT_S)


def test_close_raises_nothing_when_somebody_else_has_reaped_the_child(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A number that is no longer our child's gets no signal; it may be a stranger's by now.

    Reproduces paramiko#2261.
    """
    proxy = open_proxy(children.EXITS_ZERO)
    os.waitpid(proxy.process.pid, 0)
    with signals_recorded(monkeypatch) as sent:
        assert timed(proxy.close) < QUICK_CLOSE_S
    assert sent == []


def test_close_sends_no_signal_when_death_was_reported(
    open_proxy: Open, failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A process that was reaped is never signalled.
    """
    proxy = open_proxy(children.exits(3))
    read_to_failure(proxy, failure)
    with signals_recorded(monkeypatch) as sent:
        proxy.close()
    assert sent == []


def test_close_raises_nothing_when_signals_are_not_permitted(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A proxy that runs as another user cannot be signalled; its streams are closed all the same.

    Reproduces fabric#2192.
    """
    proxy = open_proxy(children.python("import os, time\nos.read(0, 1)\ntime.sleep(2)"))
    with signals_recorded(monkeypatch, PermissionError(1, "Operation not permitted")):
        assert timed(proxy.close) < CLOSE_S
        wait_until(
            lambda: all(s.closed for s in (proxy.process.stdin, proxy.process.stdout)),
            PROMPT_S,
            "the streams to be closed",
        )
        wait_ended(proxy.process.pid)
    wait_reaped(proxy.process.pid)


@pytest.mark.parametrize("lookup_error", [ProcessLookupError, OSError])
def test_close_raises_nothing_when_the_signal_finds_nobody(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch, lookup_error: type[OSError]
) -> None:
    """
    Whatever the system answers to a signal, close keeps it to itself.
    """
    proxy = open_proxy(children.python("import os, time\nos.read(0, 1)\ntime.sleep(1)"))
    with signals_recorded(monkeypatch, lookup_error(3, "No such process")):
        proxy.close()
        wait_ended(proxy.process.pid)


def test_close_raises_nothing_when_the_streams_were_closed_before(open_proxy: Open) -> None:
    """
    A program that has closed the pipes itself can still close the proxy.
    """
    proxy = open_proxy(children.RELAY)
    for stream in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
        stream.close()
    proxy.close()
    wait_reaped(proxy.process.pid)


def test_closed_is_false_while_proxy_lives(open_proxy: Open) -> None:
    """
    A running proxy is not closed, under either name.
    """
    proxy = open_proxy(children.RELAY)
    assert (proxy.closed, proxy._closed) == (False, False)


def test_closed_is_true_after_close(open_proxy: Open) -> None:
    """
    A closed proxy is closed at once, also while its process still goes through its end.
    """
    proxy = open_proxy(children.STALLED)
    proxy.close()
    assert (proxy.closed, proxy._closed) == (True, True)


@pytest.mark.parametrize("name", ["closed", "_closed"])
@pytest.mark.parametrize("command", [children.exits(3), children.KILLED], ids=["exited", "killed"])
def test_closed_becomes_true_by_itself_when_proxy_dies(
    open_proxy: Open, command: str, name: str
) -> None:
    """
    The death shows in `closed` without anybody having polled the process or read a byte.

    Reproduces paramiko#1713.
    """
    proxy = open_proxy(command)
    wait_until(lambda: getattr(proxy, name), PROMPT_S, f"{name} to be true")


@pytest.mark.parametrize("command", [children.exits(3), children.CLOSES_OUTPUT])
def test_closed_is_true_when_the_end_of_output_was_seen(
    open_proxy: Open, failure: Any, command: str
) -> None:
    """
    A proxy whose death was reported is closed, whether or not its process still runs.
    """
    proxy = open_proxy(command)
    read_to_failure(proxy, failure)
    assert (proxy.closed, proxy._closed) == (True, True)


def test_with_closes_at_the_end_and_lets_the_error_through(paramiko: ModuleType) -> None:
    """
    `with` gives the proxy itself and closes it, also when the body raises.
    """
    with pytest.raises(KeyError), paramiko.ProxyCommand(children.RELAY) as proxy:
        assert isinstance(proxy, paramiko.ProxyCommand)
        raise KeyError
    assert proxy.closed
    wait_reaped(proxy.process.pid)


def test_process_returncode_is_set_after_close(open_proxy: Open) -> None:
    """
    The process object knows that its process has ended, so that nobody waits for it again.
    """
    proxy = open_proxy(children.STALLED)
    proxy.close()
    wait_until(
        lambda: proxy.process.returncode == -signal.SIGTERM, PROMPT_S, "the status of the proxy"
    )


def test_processes_go_side_by_side_when_many_stubborn_proxies_are_closed(open_proxy: Open) -> None:
    """
    The end of one proxy does not wait for the end of another.
    """
    proxies = [open_proxy(children.IGNORES_SIGTERM) for _ in range(8)]
    for proxy in proxies:
        assert read_exactly(proxy, 5) == b"ready"
    for proxy in proxies:
        assert timed(proxy.close) < CLOSE_S
    closed = time.monotonic()
    for proxy in proxies:
        wait_reaped(proxy.process.pid)
    assert time.monotonic() - closed < GONE_S


def test_close_ends_a_proxy_whose_input_a_stranger_holds_open(open_proxy: Open) -> None:
    """
    Where the end of input cannot reach the proxy, a signal does.
    """
    proxy = open_proxy(children.RELAY)
    stranger = subprocess.Popen(["sleep", "60"], pass_fds=[proxy.process.stdin.fileno()])
    try:
        assert timed(proxy.close) < CLOSE_S
        wait_reaped(proxy.process.pid)
        assert is_running(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait(5)
