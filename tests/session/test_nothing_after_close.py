"""
A message that was made before its channel was closed, and would be sent behind the CLOSE.

RFC 4254, section 5.3: the CLOSE of both sides ends a channel, and its number may be used again.
OpenSSH hangs up on whoever sends more. With and without a proxy command.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from session.valve import Valve
from waiting import Call, wait_until

#: Of every step, while nobody is held up.
STEP_S = 10.0

CLOSED = (OSError, "Socket is closed")

#: What sends a message, and how it must end if that comes too late.
LATE: dict[str, tuple[Callable[[Any], Any], tuple[type[BaseException], str] | None]] = {
    "data": (lambda channel: channel.sendall(b"late"), CLOSED),
    "stderr": (lambda channel: channel.sendall_stderr(b"late"), CLOSED),
    "end-of-file": (lambda channel: channel.shutdown_write(), None),
    "request": (lambda channel: channel.resize_pty(80, 24), None),
    "awaited-request": (lambda channel: channel.get_pty(), (Exception, "Channel closed.")),
}


@pytest.fixture
def order(tmp_path: Path) -> Path:
    """
    Return a FIFO: a command that reads it ends when somebody opens it to write.
    """
    path = tmp_path / "order"
    os.mkfifo(path)
    return path


@contextlib.contextmanager
def held_up(transport: Any, call: Callable[[], Any]) -> Iterator[Call]:
    """
    Run a call in a thread that is held up between making a message and sending it.

    That lasts for the block. This is what a busy machine does to a thread at times.
    """
    made, go_on = threading.Event(), threading.Event()
    order = transport.clear_to_send_lock

    class HeldLock:
        """
        The lock that a message needs for its place in the order.
        """

        def acquire(self) -> Any:
            if threading.current_thread() is calling and not made.is_set():
                made.set()
                go_on.wait(STEP_S * 2)
            return order.acquire()

        def release(self) -> None:
            order.release()

        def __enter__(self) -> None:
            self.acquire()

        def __exit__(self, *_: object) -> None:
            self.release()

    transport.clear_to_send_lock = HeldLock()
    calling: threading.Thread | None = None

    def work() -> Any:
        nonlocal calling
        calling = threading.current_thread()
        return call()

    try:
        running = Call(work)
        assert made.wait(STEP_S), "the call sends nothing"
        yield running
    finally:
        go_on.set()
        running.wait(STEP_S)
        transport.clear_to_send_lock = order


def wait_until_forgotten(transport: Any, channel: Any) -> None:
    """
    Return when both sides have closed a channel, and the server has given up its number.
    """
    number = channel.chanid
    wait_until(lambda: transport._channels.get(number) is None, STEP_S, "the server's CLOSE")
    for _ in range(2):  # it may answer the first before it cleans up
        transport.global_request("keepalive@openssh.com", wait=True)


def run_cat(transport: Any) -> Any:
    channel = transport.open_session(timeout=STEP_S)
    channel.settimeout(STEP_S)
    channel.exec_command("exec cat")
    return channel


@pytest.mark.parametrize("used_again", [False, True], ids=["number-free", "number-used-again"])
@pytest.mark.parametrize("closer", ["server", "another-thread"])
@pytest.mark.parametrize("name", LATE)
def test_message_that_comes_too_late_is_not_sent(
    connect_through_valve: Callable[..., Any],
    order: Path,
    name: str,
    closer: str,
    used_again: bool,
) -> None:
    """
    Neither is the connection hung up, nor does it reach the next channel of that number.
    """
    transport = connect_through_valve().get_transport()
    others = [] if used_again else [run_cat(transport)]
    channel = transport.open_session(timeout=STEP_S)
    channel.exec_command(f"cat {order}; exit 3")
    send, expected = LATE[name]

    with held_up(transport, lambda: send(channel)) as sending:
        if closer == "another-thread":
            channel.close()
        order.write_bytes(b"")
        wait_until_forgotten(transport, channel)
        if used_again:
            others = [run_cat(transport)]
            assert others[0].remote_chanid == channel.remote_chanid

    error = sending.error(STEP_S)
    if expected is None:
        assert error is None
    else:
        assert isinstance(error, expected[0])
        assert str(error) == expected[1]
    for other in others:
        other.sendall(b"for this channel")
        other.shutdown_write()
        assert other.makefile("rb").read() == b"for this channel"
        assert other.recv_exit_status() == 0
    assert transport.is_active()


@pytest.mark.parametrize("name", ["data", "stderr"])
def test_data_that_comes_behind_the_end_of_file_is_not_called_sent(
    connect_through_valve: Callable[..., Any], name: str
) -> None:
    """
    The server ignores it.
    """
    transport = connect_through_valve().get_transport()
    channel = run_cat(transport)
    send, _ = LATE[name]
    channel.sendall(b"in time")

    with held_up(transport, lambda: send(channel)) as sending:
        channel.shutdown_write()

    error = sending.error(STEP_S)
    assert isinstance(error, OSError)
    assert str(error) == "Socket is closed"
    assert channel.makefile("rb").read() == b"in time"
    assert channel.recv_exit_status() == 0


def test_sender_that_waits_for_a_key_exchange_is_told_of_the_end_that_comes_during_it(
    connect_through_valve: Callable[..., Any], valve: Valve
) -> None:
    """
    The answer to the server's CLOSE waits for new keys as well, and then goes first.
    """
    transport = connect_through_valve(timeout=STEP_S).get_transport()
    other = run_cat(transport)
    channel = transport.open_session(timeout=STEP_S)
    channel.exec_command("read line; exit 3")
    valve.to_client.clear()
    channel.sendall(b"go\n")
    assert valve.held.wait(STEP_S)
    exchange = Call(transport.renegotiate_keys)
    wait_until(lambda: not transport.clear_to_send.is_set(), STEP_S, "a key exchange")
    sending = Call(channel.sendall, b"late")
    assert sending.blocks()

    valve.to_client.set()

    assert isinstance(sending.error(STEP_S), OSError)
    assert exchange.error(STEP_S) is None
    assert channel.recv_exit_status() == 3
    other.sendall(b"x")
    assert other.recv(1) == b"x"


def test_all_that_was_sent_before_close_arrives(
    connect_through_valve: Callable[..., Any], tmp_path: Path
) -> None:
    """
    Data, a file's buffer and the end of file, on many channels that are closed at once.
    """
    transport = connect_through_valve().get_transport()
    words = bytes(range(256)) * 400
    paths = [tmp_path / str(number) for number in range(8)]

    def write(path: Path) -> None:
        channel = transport.open_session(timeout=STEP_S)
        channel.exec_command(f"cat > {path}.part && mv {path}.part {path}")
        channel.sendall(words)
        with channel.makefile_stdin("wb") as file:
            file.write(b"the end")
        channel.close()

    calls = [Call(write, path) for path in paths]

    for call in calls:
        assert call.error(STEP_S) is None
    for path in paths:
        wait_until(path.exists, STEP_S, "what was sent")
        assert path.read_bytes() == words + b"the end"
