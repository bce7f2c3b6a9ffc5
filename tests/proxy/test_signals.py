"""
Signals: Python handlers run while a proxy is waited for, and cost neither bytes nor time limits.

Handlers run in the main thread only, therefore each case is a program of its own.
"""

from __future__ import annotations

import children
import pytest

TICKING = """
    import atexit, hashlib, os, signal, socket, time
    # The interpreter's last act gives each signal its default back, and this one's is to kill.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
"""

#: Lets its input wait for half a second, then reads it slowly and says how much it was.
READS_LATE = children.python(
    """
    import hashlib, os, time
    digest, count = hashlib.sha256(), 0
    time.sleep(0.5)
    while True:
        piece = os.read(0, 30_000)
        if not piece:
            break
        digest.update(piece)
        count += len(piece)
        time.sleep(0.002)
    os.write(1, b"%08d" % count + digest.hexdigest().encode())
    """
)


def test_send_loses_nothing_when_signals_cut_it_short(target: str) -> None:
    """
    Each count is what was really accepted, so that sending the rest makes the whole.
    """
    children.run_program(
        TICKING
        + f"""
    proxy = paramiko.ProxyCommand({READS_LATE!r})
    proxy.settimeout(20)
    data = os.urandom(1_000_000)
    left = memoryview(data)
    while left:
        left = left[proxy.send(left):]
    proxy.process.stdin.close()
    answer = b""
    while len(answer) < 72:
        answer += proxy.recv(72 - len(answer))
    assert ticks
    assert int(answer[:8]) == len(data), answer
    assert answer[8:].decode() == hashlib.sha256(data).hexdigest()
    proxy.close()
    """,
        target,
    )


@pytest.mark.parametrize("timeout_s", [None, 20.0], ids=["no-limit", "limit"])
def test_recv_goes_on_waiting_when_handlers_run(target: str, timeout_s: float | None) -> None:
    """
    A read survives any number of handlers and returns the data when it comes.
    """
    children.run_program(
        TICKING
        + f"""
    proxy = paramiko.ProxyCommand({children.sh("sleep 0.5; echo abc; exec cat")!r})
    proxy.settimeout({timeout_s!r})
    assert proxy.recv(4) == b"abc\\n"
    assert len(ticks) > 5, len(ticks)
    proxy.close()
    """,
        target,
    )


def test_recv_keeps_its_time_limit_when_handlers_run(target: str) -> None:
    """
    Handlers neither end the wait early nor let it start again.
    """
    children.run_program(
        TICKING
        + f"""
    proxy = paramiko.ProxyCommand({children.RELAY!r})
    proxy.settimeout(0.5)
    started = time.monotonic()
    try:
        proxy.recv(1)
    except socket.timeout:
        pass
    else:
        raise AssertionError("no timeout")
    assert 0.5 <= time.monotonic() - started < 2
    proxy.close()
    """,
        target,
    )


def test_send_keeps_its_time_limit_when_handlers_run(target: str) -> None:
    """
    A stalled proxy cannot hold a sender whose handlers keep running.
    """
    children.run_program(
        TICKING
        + f"""
    proxy = paramiko.ProxyCommand({children.STALLED!r})
    proxy.settimeout(0.5)
    started = time.monotonic()
    try:
        for _ in range(100):
            proxy.send(b"x" * 65536)
    except socket.timeout:
        pass
    else:
        raise AssertionError("no timeout")
    assert 0.5 <= time.monotonic() - started < 3
    proxy.close()
    """,
        target,
    )


def test_recv_lets_the_error_of_a_handler_through_and_works_afterwards(target: str) -> None:
    """
    What a handler raises ends the read; no byte is lost, and the proxy works on.
    """
    children.run_program(
        f"""
    import signal
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGALRM, interrupt)
    proxy = paramiko.ProxyCommand({children.RELAY!r})
    proxy.settimeout(20)
    for _ in range(20):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        try:
            proxy.recv(1)
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("a byte out of nowhere")
    proxy.send(b"abc")
    assert proxy.recv(3) == b"abc"
    proxy.close()
    """,
        target,
    )


@pytest.mark.parametrize(
    ("command", "call"),
    [
        (children.RELAY, "proxy.recv(1)"),
        (children.STALLED, "[proxy.send(b'x' * 65536) for _ in range(100)]"),
        (children.RELAY, "time.sleep(30)"),
    ],
    ids=["recv", "send", "neither"],
)
def test_close_works_from_a_handler_when_the_main_thread_waits(
    target: str, command: str, call: str
) -> None:
    """
    A handler that closes the proxy under the interrupted call ends that call, with no deadlock.
    """
    children.run_program(
        f"""
    import signal, time
    class Closed(Exception):
        pass
    def close(*_):
        proxy.close()
        if {call!r}.startswith("time"):
            raise Closed
    signal.signal(signal.SIGALRM, close)
    proxy = paramiko.ProxyCommand({command!r})
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    started = time.monotonic()
    try:
        result = {call}
    except (OSError, Closed):
        result = b""
    assert result == b"", result
    assert time.monotonic() - started < 2
    assert proxy.closed
    """,
        target,
    )


@pytest.mark.race
def test_close_works_from_a_handler_at_any_moment(target: str) -> None:
    """
    A handler may strike inside any other call of the proxy, close itself included.
    """
    children.run_program(
        f"""
    import random, signal, socket, time
    signal.signal(signal.SIGALRM, lambda *_: proxy.close())
    for _ in range(30):
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        proxy.settimeout(5)
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.004))
        try:
            while not proxy.closed:
                proxy.send(b"x" * 1000)
                if not proxy.recv(1000):
                    break
        except OSError as error:
            assert not isinstance(error, socket.timeout), "the close did not wake anybody"
        proxy.close()
        signal.setitimer(signal.ITIMER_REAL, 0)
    """,
        target,
    )


@pytest.mark.parametrize("call", ["proxy.recv(100)", "proxy.send(bytes(100))"])
def test_close_frees_everything_when_a_handler_raised_in_a_blocked_call(
    target: str, call: str
) -> None:
    """
    An error that a handler throws into a call that waits leaves nothing that close could not undo.
    """
    children.run_program(
        f"""
    import os, signal, time
    class Interrupt(Exception):
        pass
    def interrupt(*_):
        raise Interrupt
    signal.signal(signal.SIGALRM, interrupt)
    before = sorted(os.listdir("/proc/self/fd"))
    kept = []
    for _ in range(5):
        proxy = paramiko.ProxyCommand("sleep 30")
        kept.append(proxy)
        proxy.settimeout(20)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            while True:
                {call}
        except Interrupt:
            pass
        proxy.close()
    deadline = time.monotonic() + 5
    while sorted(os.listdir("/proc/self/fd")) != before:
        assert time.monotonic() < deadline, os.listdir("/proc/self/fd")
        time.sleep(0.01)
    """,
        target,
    )


INTERRUPTED = """
    import os, signal, sys
    os.setsid()
    interrupts = []
    signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
    proxy = paramiko.ProxyCommand({command!r}, **{options!r})
    proxy.settimeout(5)
    proxy.send(b"abc")
    assert proxy.recv(3) == b"abc"
    os.killpg(0, signal.SIGINT)
    assert interrupts == [1]
    {then}
    proxy.close()
"""


def test_interrupt_of_the_group_ends_the_proxy_by_default(target: str) -> None:
    """
    Ctrl-C reaches the proxy with everything else in the foreground, and its death says so.
    """
    children.run_program(
        INTERRUPTED.format(
            command=children.RELAY,
            options={},
            then="""
    try:
        proxy.recv(1)
    except paramiko.ProxyCommandFailure as error:
        assert error.error == "was killed by signal 2 (SIGINT)", error.error
    else:
        raise AssertionError("no failure")
    """,
        ),
        target,
    )


def test_interrupt_of_the_group_spares_a_proxy_with_a_session_of_its_own(target: str) -> None:
    """
    With `start_new_session` a program that handles Ctrl-C keeps its connection.

    Reproduces paramiko#1183.
    """
    children.run_program(
        INTERRUPTED.format(
            command=children.RELAY,
            options={"start_new_session": True},
            then="""
    proxy.send(b"def")
    assert proxy.recv(3) == b"def"
    """,
        ),
        target,
    )


@pytest.mark.parametrize("limit", ["RuntimeError", "ValueError", "OSError", "TimeoutError"])
@pytest.mark.parametrize("call", ["proxy.recv(4)", "fill(proxy)"], ids=["recv", "send"])
def test_what_a_handler_raises_is_no_end_of_the_proxy(target: str, call: str, limit: str) -> None:
    """
    The caller gets it as it is, and can go on. Stock calls an `OSError` a failure of the proxy.
    """
    children.run_program(
        f"""
    import signal

    def exceed(*_):
        raise {limit}("time is up")

    def fill(proxy):
        while True:
            filled.append(proxy.send(b"x" * 100))

    filled = []
    proxy = paramiko.ProxyCommand({children.sh("read line; exec cat")!r})
    signal.signal(signal.SIGALRM, exceed)
    if {call!r} != "proxy.recv(4)":
        proxy.send(b"\\n")
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    exceeded = False
    try:
        {call}
    except {limit} as error:
        exceeded = str(error) == "time is up"
    assert exceeded
    assert not proxy.closed
    proxy.settimeout(5)
    if not filled:
        proxy.send(b"\\nabcd")
        assert proxy.recv(4) == b"abcd"
    else:
        assert proxy.recv(4) == b"xxxx"
    proxy.close()
    """,
        target,
    )
