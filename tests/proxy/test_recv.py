"""
`recv`: what it returns, when it waits, and how the proxy's end shows.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import children
import pytest
from waiting import (
    BLOCKED_S,
    PROMPT_S,
    Call,
    read_exactly,
    read_to_failure,
    timed,
    wait_ended,
    wait_until,
)

Open = Callable[..., Any]


def test_recv_returns_what_send_gave_to_a_relay(open_proxy: Open) -> None:
    """
    Bytes go through the proxy and come back unchanged.
    """
    proxy = open_proxy(children.RELAY)
    proxy.send(bytes(range(256)))
    assert read_exactly(proxy, 256) == bytes(range(256))


@pytest.mark.parametrize("timeout_s", [None, 30.0], ids=["no-limit", "limit"])
def test_recv_returns_what_is_there_when_less_than_asked_for(
    open_proxy: Open, timeout_s: float | None
) -> None:
    """
    A read does not wait until it has all the bytes it asked for.
    """
    proxy = open_proxy(children.RELAY, timeout_s=timeout_s)
    proxy.send(b"abc")
    assert Call(proxy.recv, 4096).result() == b"abc"


def test_recv_returns_at_most_what_was_asked_for(open_proxy: Open) -> None:
    """
    What a read leaves is there for the next one, in order.
    """
    proxy = open_proxy(children.RELAY)
    proxy.send(b"0123456789")
    pieces: list[bytes] = []
    while sum(len(piece) for piece in pieces) < 10:
        pieces.append(proxy.recv(4))
        assert 1 <= len(pieces[-1]) <= 4
    assert b"".join(pieces) == b"0123456789"


@pytest.mark.parametrize("command", [children.RELAY, children.EXITS_ZERO], ids=["alive", "dead"])
def test_recv_returns_nothing_when_asked_for_nothing(open_proxy: Open, command: str) -> None:
    """
    A read of zero bytes returns at once and says nothing about the proxy.
    """
    proxy = open_proxy(command, timeout_s=None)
    assert Call(proxy.recv, 0).result() == b""


def test_recv_raises_timeout_when_nothing_arrives_in_time(open_proxy: Open) -> None:
    """
    The read ends with socket.timeout after the time that was set, and can be repeated.
    """
    proxy = open_proxy(children.RELAY, timeout_s=0.2)

    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(socket.timeout):
            proxy.recv(1)
    assert 0.4 <= time.monotonic() - started < 0.4 + PROMPT_S

    proxy.send(b"late")
    proxy.settimeout(5)
    assert read_exactly(proxy, 4) == b"late"


def test_recv_raises_blockingioerror_when_timeout_is_zero_and_nothing_is_there(
    open_proxy: Open,
) -> None:
    """
    A non-blocking read with nothing to read raises what a non-blocking socket raises.
    """
    proxy = open_proxy(children.RELAY, timeout_s=0)
    with pytest.raises(BlockingIOError) as caught:
        Call(proxy.recv, 1).result()
    assert caught.value.errno == errno.EAGAIN


def test_recv_returns_data_when_timeout_is_zero_and_data_is_there(open_proxy: Open) -> None:
    """
    A non-blocking read returns the bytes that have arrived.
    """
    proxy = open_proxy(children.RELAY, timeout_s=0)
    proxy.send(b"abc")
    received = bytearray()

    def has_arrived() -> bool:
        try:
            received.extend(proxy.recv(16))
        except BlockingIOError:
            return False
        return True

    wait_until(has_arrived, PROMPT_S, "the relay's answer")
    assert received == b"abc"


def test_recv_reports_death_when_timeout_is_zero(open_proxy: Open, failure: Any) -> None:
    """
    A non-blocking read of a dead proxy reports the death instead of "try again".
    """
    proxy = open_proxy(children.exits(3), timeout_s=0)
    wait_ended(proxy.process.pid)
    with pytest.raises(failure, match="exited with status 3"):
        Call(proxy.recv, 1).result()


def test_recv_waits_until_data_arrives_when_no_limit_is_set(open_proxy: Open) -> None:
    """
    Without a time limit a read lasts until there is something to read.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 16)
    assert read.blocks()
    proxy.send(b"abc")
    assert read.result() == b"abc"


@pytest.mark.parametrize("step_s", [-1000, 1000], ids=["backward", "forward"])
def test_recv_keeps_its_time_limit_when_the_wall_clock_steps(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    """
    A step of the wall clock neither stretches nor cuts the time limit.
    """
    proxy = open_proxy(children.RELAY, timeout_s=0.3)
    wall = time.time()
    readings = iter([wall])

    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: next(readings, wall + step_s))
        started = time.monotonic()
        with pytest.raises(socket.timeout):
            Call(proxy.recv, 1).result(5)
        taken_s = time.monotonic() - started

    assert 0.3 <= taken_s < 0.3 + PROMPT_S


@pytest.mark.parametrize("timeout_s", [None, 5.0], ids=["no-limit", "limit"])
@pytest.mark.parametrize(
    ("command", "data"),
    [
        (children.EXITS_ZERO, b""),
        (children.exits(255), b""),
        (children.exits(0, "abc"), b"abc"),
        (children.exits(1, "abc", "words"), b"abc"),
        (children.KILLED, b""),
        (children.CLOSES_OUTPUT, b""),
    ],
    ids=["exits-zero", "exits-255", "last-bytes", "last-bytes-status-1", "killed", "closes-output"],
)
def test_recv_delivers_last_bytes_before_failure_when_proxy_ends(
    open_proxy: Open, failure: Any, command: str, data: bytes, timeout_s: float | None
) -> None:
    """
    Every byte the proxy wrote comes first, then its death, promptly with any time limit.

    Reproduces paramiko#1277.
    """
    proxy = open_proxy(command, timeout_s=timeout_s)
    received, error = read_to_failure(proxy, failure, timeout_s=3)
    assert received == data
    assert isinstance(error, failure)


def test_recv_delivers_a_full_pipe_when_proxy_was_dead_before_the_first_read(
    open_proxy: Open, failure: Any
) -> None:
    """
    What a dead proxy left in the pipe is delivered whole, in order, before the failure.
    """
    proxy = open_proxy(
        children.python(
            """
            import os
            text = b"".join(b"%06d" % number for number in range(10_000))
            assert os.write(1, text) == 60_000
            os._exit(3)
            """
        )
    )
    wait_ended(proxy.process.pid)

    data, error = read_to_failure(proxy, failure)

    assert data == b"".join(b"%06d" % number for number in range(10_000))
    assert error.returncode == 3


def test_recv_raises_a_new_failure_each_time_when_proxy_is_dead(
    open_proxy: Open, failure: Any
) -> None:
    """
    The death is reported by every later read, each time by an instance of its own.
    """
    proxy = open_proxy(children.exits(3))
    errors = [read_to_failure(proxy, failure)[1] for _ in range(3)]
    assert len({id(error) for error in errors}) == 3
    assert len({error.args for error in errors}) == 1


@pytest.mark.race
@pytest.mark.parametrize("timeout_s", [None, 30.0], ids=["no-limit", "limit"])
def test_recv_reports_death_at_once_when_proxy_is_killed_while_it_waits(
    open_proxy: Open, failure: Any, timeout_s: float | None
) -> None:
    """
    A blocked read ends with the reason as soon as the proxy is killed.

    Reproduces paramiko#1277.
    """
    proxy = open_proxy(children.RELAY, timeout_s=timeout_s)
    read = Call(proxy.recv, 1)
    assert read.blocks(0.02)
    os.kill(proxy.process.pid, signal.SIGKILL)
    with pytest.raises(failure, match="killed by signal 9"):
        read.result()


def test_recv_reports_a_closed_output_when_process_still_runs(
    open_proxy: Open, failure: Any
) -> None:
    """
    A proxy that closes its output is dead to us, though its process runs on.

    Reproduces paramiko#1277.
    """
    proxy = open_proxy(children.CLOSES_OUTPUT, timeout_s=None)
    _, error = read_to_failure(proxy, failure, timeout_s=2)
    assert error.error == "closed its output; process still running"
    assert error.returncode is None
    assert timed(read_to_failure, proxy, failure) < PROMPT_S


def test_recv_goes_on_when_a_descendant_relays_after_the_proxy_exited(open_proxy: Open) -> None:
    """
    An exit status alone ends nothing: while somebody relays on the pipe, the proxy lives.
    """
    proxy = open_proxy(children.RELAYS_THROUGH_DESCENDANT)
    wait_ended(proxy.process.pid)
    for text in (b"one", b"two"):
        proxy.send(text)
        assert read_exactly(proxy, 3) == text

    proxy.settimeout(BLOCKED_S)
    with pytest.raises(socket.timeout):
        proxy.recv(1)


def test_recv_reports_death_when_the_relaying_descendant_ends_too(
    open_proxy: Open, failure: Any
) -> None:
    """
    The status of the proxy is still known when the last holder of its output ends later.
    """
    proxy = open_proxy(children.RELAYS_THROUGH_DESCENDANT)
    proxy.send(b"abc")
    assert read_exactly(proxy, 3) == b"abc"
    wait_ended(proxy.process.pid)
    proxy.shutdown(socket.SHUT_WR)
    _, error = read_to_failure(proxy, failure)
    assert error.error == "exited with status 0"


def test_recv_returns_nothing_after_our_own_close(open_proxy: Open) -> None:
    """
    After close every read returns b"", also when bytes were left unread.
    """
    proxy = open_proxy(children.exits(0, "unread"))
    wait_ended(proxy.process.pid)
    proxy.close()
    assert [Call(proxy.recv, 16).result() for _ in range(3)] == [b""] * 3


@pytest.mark.race
@pytest.mark.parametrize("timeout_s", [None, 30.0], ids=["no-limit", "limit"])
@pytest.mark.parametrize("command", [children.RELAY, children.STALLED], ids=["relay", "stalled"])
def test_recv_returns_nothing_when_closed_by_another_thread_while_it_waits(
    open_proxy: Open, command: str, timeout_s: float | None
) -> None:
    """
    Close wakes a blocked read, which then returns b"" and does not call it a death.
    """
    proxy = open_proxy(command, timeout_s=timeout_s)
    read = Call(proxy.recv, 1)
    assert read.blocks(0.02)
    proxy.close()
    assert read.result() == b""


@pytest.mark.race
def test_recv_returns_nothing_when_it_starts_while_another_thread_closes(
    open_proxy: Open,
) -> None:
    """
    A read that begins at the moment of close returns b"", or a failure never.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 1)
    proxy.close()
    assert read.result() == b""


def test_recv_delivers_in_order_while_another_thread_sends(open_proxy: Open) -> None:
    """
    Eight megabytes pass both ways at once without a byte lost, doubled or moved.
    """
    proxy = open_proxy(children.RELAY, timeout_s=10)
    text = b"".join(b"%08d" % number for number in range(1 << 20))

    def send_all() -> None:
        left = memoryview(text)
        while left:
            left = left[proxy.send(left[:100_000]) :]

    sending = Call(send_all)
    assert read_exactly(proxy, len(text), timeout_s=20) == text
    sending.result()


def test_recv_tells_the_failure_when_the_program_has_taken_the_output(
    open_proxy: Open, failure: Any
) -> None:
    """
    As who reaps a proxy by `communicate` does. Stock raises a `ValueError`, of whatever it was.
    """
    proxy = open_proxy(children.RELAY)
    proxy.process.kill()
    proxy.process.communicate(timeout=5)
    for _ in range(2):
        with pytest.raises(failure) as caught:
            proxy.recv(1)
        assert caught.value.returncode == -9


def test_recv_tells_the_failure_when_the_program_has_closed_the_output(
    open_proxy: Open, failure: Any
) -> None:
    """
    The proxy lives, and nothing of it can be read any more.
    """
    proxy = open_proxy(children.RELAY)
    proxy.process.stdout.close()
    with pytest.raises(failure, match="is not read any more; process still running"):
        proxy.recv(1)
