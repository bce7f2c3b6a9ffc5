"""
`shutdown`: one direction ends, the other goes on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import children
import pytest
from waiting import Call, read_exactly, read_to_failure, wait_ended, wait_reaped

Open = Callable[..., Any]


def test_shutdown_of_writing_ends_the_input_of_the_proxy(open_proxy: Open, failure: Any) -> None:
    """
    The proxy sees the end of its input, and everything it still writes arrives.
    """
    proxy = open_proxy(children.sh("cat; echo end; exit 5"))
    proxy.send(b"abc")
    proxy.shutdown(socket.SHUT_WR)
    data, error = read_to_failure(proxy, failure)
    assert data == b"abcend\n"
    assert error.error == "exited with status 5"


@pytest.mark.parametrize(
    "end_input",
    [
        lambda proxy: proxy.shutdown(socket.SHUT_WR),
        # What must not change: stock has no other way.
        lambda proxy: proxy.process.stdin.close(),
    ],
    ids=["shutdown", "own-hands"],
)
def test_output_arrives_when_the_input_was_ended_before_anything_else(
    open_proxy: Open, failure: Any, end_input: Callable[[Any], None]
) -> None:
    """
    A proxy that was never written to is read to its end all the same.
    """
    proxy = open_proxy(children.sh("cat; echo end; exit 5"))
    end_input(proxy)
    data, error = read_to_failure(proxy, failure)
    assert data == b"end\n"
    assert error.error == "exited with status 5"


def test_send_raises_oserror_after_shutdown_of_writing(open_proxy: Open, failure: Any) -> None:
    """
    What we ended ourselves is not called the proxy's death.
    """
    proxy = open_proxy(children.STALLED)
    proxy.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError) as caught:
        proxy.send(b"x")
    assert not isinstance(caught.value, (failure, socket.timeout))


def test_recv_returns_nothing_after_shutdown_of_reading(open_proxy: Open) -> None:
    """
    The reading side is over, while sending goes on.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    proxy.shutdown(socket.SHUT_RD)
    assert proxy.send(b"abc") == 3
    assert [Call(proxy.recv, 16).result() for _ in range(2)] == [b"", b""]


@pytest.mark.race
def test_recv_returns_nothing_when_reading_is_shut_down_while_it_waits(open_proxy: Open) -> None:
    """
    A blocked read is woken by the shutdown of its direction.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 1)
    assert read.blocks(0.02)
    proxy.shutdown(socket.SHUT_RD)
    assert read.result() == b""


@pytest.mark.race
def test_send_ends_when_writing_is_shut_down_while_it_waits(open_proxy: Open) -> None:
    """
    A blocked send is woken by the shutdown of its direction, and gives an OSError.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0)
    with pytest.raises(BlockingIOError):
        while True:
            proxy.send(b"x" * 65536)
    proxy.settimeout(None)
    sending = Call(proxy.send, b"x")
    assert sending.blocks(0.02)
    proxy.shutdown(socket.SHUT_WR)
    error = sending.error()
    assert isinstance(error, OSError)
    assert not isinstance(error, socket.timeout)


@pytest.mark.race
def test_all_sends_end_when_writing_is_shut_down_while_they_wait(open_proxy: Open) -> None:
    """
    The shutdown wakes every sender that is blocked, not only the first of them.
    """
    proxy = open_proxy(children.STALLED, timeout_s=0)
    with pytest.raises(BlockingIOError):
        while True:
            proxy.send(b"x" * 65536)
    proxy.settimeout(None)
    calls = [Call(proxy.send, b"x") for _ in range(8)]
    assert all(sending.blocks(0.005) for sending in calls)
    proxy.shutdown(socket.SHUT_WR)
    for sending in calls:
        assert isinstance(sending.error(), OSError)


def test_shutdown_of_both_ends_both_directions(open_proxy: Open) -> None:
    """
    After a shutdown of both, reads are empty, sends fail, and a relay ends by itself.
    """
    proxy = open_proxy(children.RELAY)
    proxy.shutdown(socket.SHUT_RDWR)
    assert proxy.recv(16) == b""
    with pytest.raises(OSError):
        proxy.send(b"x")
    wait_ended(proxy.process.pid)
    proxy.close()
    wait_reaped(proxy.process.pid)


@pytest.mark.parametrize("how", [socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR])
@pytest.mark.parametrize("state", ["twice", "dead", "closed"])
def test_shutdown_raises_nothing(open_proxy: Open, state: str, how: int) -> None:
    """
    A shutdown of what has ended already does nothing.
    """
    proxy = open_proxy(children.exits(3) if state == "dead" else children.RELAY)
    if state == "dead":
        wait_ended(proxy.process.pid)
    elif state == "closed":
        proxy.close()
    proxy.shutdown(how)
    proxy.shutdown(how)


def test_last_bytes_arrive_when_written_after_the_end_of_input(open_proxy: Open) -> None:
    """
    A shutdown of writing leaves the process and its output alone.
    """
    proxy = open_proxy(children.sh("cat; exec sleep 60"))
    proxy.send(b"abc")
    proxy.shutdown(socket.SHUT_WR)
    assert read_exactly(proxy, 3) == b"abc"
    assert not proxy.closed
