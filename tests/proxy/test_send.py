"""
`send`: what it accepts, when it waits, and how the proxy's end shows.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import children
import pytest
from waiting import PROMPT_S, Call, read_exactly, read_to_failure, wait_ended

Open = Callable[..., Any]

#: More than any pipe takes unless somebody reads it.
MORE_THAN_A_PIPE = b"x" * 2_000_000

#: What a pipe holds as Linux makes it, and what the proxy's input holds once it was full. Python
#: has a way to ask for that since 3.10.
PIPE_BYTES = 65_536
WIDE_BYTES = 1_048_576 if hasattr(fcntl, "F_SETPIPE_SZ") else PIPE_BYTES

#: Reads exactly 100 000 bytes, then never again; SIGTERM ends it.
READS_A_LITTLE = children.python(
    """
    import os, time
    left = 100_000
    while left:
        left -= len(os.read(0, left))
    time.sleep(60)
    """
)

#: Reads nothing until it gets SIGUSR1, then counts its input and says how much it was.
COUNTS_INPUT_WHEN_TOLD = children.python(
    """
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
    os.write(1, b"%08d" % count)
    """
)


def send_until(proxy: Any, error: Any) -> tuple[int, BaseException]:
    """
    Send until an error of that class comes; return how many bytes were accepted, and the error.
    """
    accepted = 0
    while accepted < 10 * len(MORE_THAN_A_PIPE):
        try:
            accepted += proxy.send(MORE_THAN_A_PIPE)
        except error as caught:
            return accepted, caught
    raise AssertionError(f"{accepted} bytes accepted and no error")


def test_send_returns_the_number_of_bytes(open_proxy: Open) -> None:
    """
    A small piece is accepted whole.
    """
    assert open_proxy(children.RELAY).send(b"abc") == 3


@pytest.mark.parametrize(
    "data",
    [
        bytearray(b"0123456789ab"),
        memoryview(b"0123456789ab"),
        memoryview(b"_0123456789ab_")[1:-1],
        array.array("I", b"0123456789ab"),
        memoryview(array.array("I", b"0123456789ab")),
        memoryview(b"0123456789ab").cast("B", (3, 4)),
    ],
    ids=["bytearray", "memoryview", "slice", "array", "memoryview-of-ints", "two-dimensions"],
)
def test_send_counts_bytes_when_given_any_buffer(open_proxy: Open, data: Any) -> None:
    """
    Any bytes-like object is sent; the count is in bytes, whatever its items are.
    """
    proxy = open_proxy(children.RELAY)
    assert proxy.send(data) == 12
    assert read_exactly(proxy, 12) == b"0123456789ab"


def test_send_raises_typeerror_when_given_text(open_proxy: Open) -> None:
    """
    Text is refused, as it always was.
    """
    with pytest.raises(TypeError):
        open_proxy(children.RELAY).send("abc")


@pytest.mark.parametrize("timeout_s", [None, 1.0, 0], ids=["no-limit", "limit", "non-blocking"])
def test_send_returns_zero_when_there_is_nothing_to_send(
    open_proxy: Open, timeout_s: float | None
) -> None:
    """
    Empty data is accepted at once.
    """
    assert open_proxy(children.RELAY, timeout_s=timeout_s).send(b"") == 0


def test_send_raises_timeout_when_proxy_does_not_read(open_proxy: Open) -> None:
    """
    A stalled proxy takes what its pipe holds, then every send ends when its time is up.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0.2)

    accepted, error = Call(send_until, proxy, socket.timeout).result(5)

    assert isinstance(error, socket.timeout)
    assert 0 < accepted < len(MORE_THAN_A_PIPE)
    started = time.monotonic()
    with pytest.raises(socket.timeout):
        proxy.send(b"x")
    assert 0.2 <= time.monotonic() - started < 0.2 + PROMPT_S


def test_send_raises_blockingioerror_when_timeout_is_zero_and_pipe_is_full(
    open_proxy: Open,
) -> None:
    """
    A non-blocking send into a full pipe raises what a non-blocking socket raises.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0)
    accepted, error = Call(send_until, proxy, BlockingIOError).result()
    assert isinstance(error, BlockingIOError)
    assert error.errno == errno.EAGAIN
    assert accepted > 0


def test_input_holds_more_once_it_was_full(open_proxy: Open) -> None:
    """
    A transfer that fills the pipe gets one that takes many packets while the proxy has its turn.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0)
    accepted, _ = Call(send_until, proxy, BlockingIOError).result()
    assert accepted == WIDE_BYTES


def test_input_keeps_its_size_while_it_is_never_full(open_proxy: Open) -> None:
    """
    A connection that sends little does not use up what the system allows a user's pipes to hold.
    """
    proxy = open_proxy(children.RELAY)
    for _ in range(100):
        proxy.send(b"x" * 1000)
        assert read_exactly(proxy, 1000) == b"x" * 1000
    get_pipe_size = 1032  # F_GETPIPE_SZ, which Python 3.9 does not name
    assert fcntl.fcntl(proxy.process.stdin.fileno(), get_pipe_size) == PIPE_BYTES


def test_send_goes_on_when_the_system_refuses_a_larger_pipe(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A user whose pipes hold all that they may keeps the pipe that there is.
    """
    refusals = []

    def refuse(*request: Any) -> int:
        refusals.append(request)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    proxy = open_proxy(children.STALLED, timeout_s=0)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    accepted, _ = Call(send_until, proxy, BlockingIOError).result()
    assert accepted == PIPE_BYTES
    assert len(refusals) == (WIDE_BYTES > PIPE_BYTES), "asked again and again"


@pytest.mark.parametrize("timeout_s", [0.3, 0], ids=["limit", "non-blocking"])
def test_send_returns_what_the_proxy_received_when_it_stops_reading(
    open_proxy: Open, timeout_s: float
) -> None:
    """
    The counts that send returned add up to what the proxy finds in its input.
    """
    proxy = open_proxy(COUNTS_INPUT_WHEN_TOLD)
    assert read_exactly(proxy, 5) == b"ready"
    proxy.settimeout(timeout_s)

    accepted, _ = Call(send_until, proxy, (socket.timeout, BlockingIOError)).result(5)

    os.kill(proxy.process.pid, signal.SIGUSR1)
    proxy.shutdown(socket.SHUT_WR)
    proxy.settimeout(5)
    assert int(read_exactly(proxy, 8)) == accepted


def test_send_waits_until_proxy_reads_when_no_limit_is_set(open_proxy: Open) -> None:
    """
    Without a time limit a send lasts until the proxy takes something.
    """
    proxy = open_proxy(COUNTS_INPUT_WHEN_TOLD)
    assert read_exactly(proxy, 5) == b"ready"
    proxy.settimeout(0)
    accepted, _ = Call(send_until, proxy, BlockingIOError).result()
    proxy.settimeout(None)

    sending = Call(proxy.send, b"x" * 10)

    assert sending.blocks()
    os.kill(proxy.process.pid, signal.SIGUSR1)
    accepted += sending.result()
    proxy.shutdown(socket.SHUT_WR)
    assert int(read_exactly(proxy, 8)) == accepted


@pytest.mark.parametrize("step_s", [-1000, 1000], ids=["backward", "forward"])
def test_send_keeps_its_time_limit_when_the_wall_clock_steps(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    """
    A step of the wall clock neither stretches nor cuts the time limit.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0)
    Call(send_until, proxy, BlockingIOError).result()
    proxy.settimeout(0.3)
    wall = time.time()
    readings = iter([wall])

    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: next(readings, wall + step_s))
        started = time.monotonic()
        with pytest.raises(socket.timeout):
            Call(proxy.send, b"x").result(5)
        taken_s = time.monotonic() - started

    assert 0.3 <= taken_s < 0.3 + PROMPT_S


@pytest.mark.parametrize("timeout_s", [None, 5.0, 0], ids=["no-limit", "limit", "non-blocking"])
def test_send_reports_death_when_proxy_has_exited(
    open_proxy: Open, failure: Any, timeout_s: float | None
) -> None:
    """
    A send to a dead proxy says how the proxy died, again and again.
    """
    proxy = open_proxy(children.exits(3, complaint="no route"), timeout_s=timeout_s)
    wait_ended(proxy.process.pid)
    errors = [Call(proxy.send, b"x").error() for _ in range(2)]
    assert [str(error).partition(") ")[2] for error in errors] == [
        "exited with status 3: no route"
    ] * 2
    assert all(isinstance(error, failure) for error in errors)
    assert errors[0] is not errors[1]


@pytest.mark.race
@pytest.mark.parametrize("timeout_s", [None, 30.0], ids=["no-limit", "limit"])
def test_send_reports_death_when_proxy_is_killed_while_it_waits(
    open_proxy: Open, failure: Any, timeout_s: float | None
) -> None:
    """
    A blocked send ends with the reason as soon as the proxy is killed.
    """
    proxy = open_proxy(children.STALLED, timeout_s=timeout_s)
    sending = Call(send_until, proxy, failure)
    assert sending.blocks(0.02)
    os.kill(proxy.process.pid, signal.SIGKILL)
    _, error = sending.result()
    assert "was killed by signal 9 (SIGKILL)" in str(error)


def test_send_leaves_the_unread_bytes_when_proxy_has_closed_its_input(
    open_proxy: Open, failure: Any
) -> None:
    """
    A failed write hides nothing that was still to be read: all of it, then the failure.
    """
    proxy = open_proxy(children.CLOSES_INPUT)
    wait_ended(proxy.process.pid)
    for _ in range(2):
        with pytest.raises(failure):
            proxy.send(b"disconnect")

    data, error = read_to_failure(proxy, failure)

    assert data == b"x" * children.UNREAD_SIZE_BYTES
    assert error.error == "exited with status 7: input refused"


def test_send_reports_death_when_proxy_closed_its_input_and_runs_on(
    open_proxy: Open, failure: Any
) -> None:
    """
    A proxy that no longer reads is reported at once, and what it still writes arrives.
    """
    proxy = open_proxy(children.sh("exec <&-; echo still here; exec sleep 60"))
    assert read_exactly(proxy, 11) == b"still here\n"
    with pytest.raises(failure):
        Call(proxy.send, b"x").result()


@pytest.mark.race
@pytest.mark.parametrize("timeout_s", [None, 30.0], ids=["no-limit", "limit"])
def test_send_ends_when_closed_by_another_thread_while_it_waits(
    open_proxy: Open, timeout_s: float | None
) -> None:
    """
    Close wakes a blocked send, which then gives an OSError as a closed socket does.
    """
    proxy = open_proxy(children.STALLED, timeout_s=timeout_s)
    sending = Call(send_until, proxy, OSError)
    assert sending.blocks(0.02)
    proxy.close()
    _, error = sending.result()
    assert not isinstance(error, socket.timeout)


def test_send_raises_oserror_after_our_own_close(open_proxy: Open, failure: Any) -> None:
    """
    After close a send fails as on a closed socket, and does not call it the proxy's death.
    """
    proxy = open_proxy(children.RELAY)
    proxy.close()
    for _ in range(2):
        with pytest.raises(OSError) as caught:
            proxy.send(b"x")
        assert caught.value.errno == errno.EBADF
        assert not isinstance(caught.value, failure)


def test_send_returns_a_short_count_when_proxy_stops_reading_midway(open_proxy: Open) -> None:
    """
    A send that could write only a part returns how much that was when its time is up.
    """
    proxy = open_proxy(READS_A_LITTLE, timeout_s=1.0)
    accepted = Call(proxy.send, MORE_THAN_A_PIPE).result(8)
    assert 0 < accepted < len(MORE_THAN_A_PIPE)
