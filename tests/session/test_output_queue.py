"""
Packets that wait to be written: each sender is told of its own, and of nobody else's.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from interrupts import run_until
from session.connection import Connection
from waiting import Call

#: More calls than are made for these.
MOST_CALLS = 300

#: Where a sender makes its packet.
PACKING = ["packet", "_patched.wire.protection"]


class Peer:
    """
    Takes so many bytes, and then hangs up.
    """

    def __init__(self, module: ModuleType, room: int) -> None:
        self._module = module
        self.room = room
        self.taken = b""

    def take(self, packet: bytes) -> int:
        if not self.room:
            raise self._module.Ended
        part = packet[: self.room]
        self.room -= len(part)
        self.taken += part
        return len(part)


@pytest.fixture
def module(paramiko: ModuleType) -> ModuleType:
    return importlib.import_module(paramiko.__name__ + "._patched.wire.outbound")


def put(queue: Any, packet: bytes) -> int:
    position: int = queue.put(packet)
    return position


@pytest.mark.parametrize("room", range(7))
def test_sender_is_told_of_its_own_packet_alone(module: ModuleType, room: int) -> None:
    """
    Whoever writes for the other, and wherever that ends.
    """
    queue, peer = module.Outbound(), Peer(module, room)
    first, second = put(queue, b"aaa"), put(queue, b"bbb")
    for position in (second, first):
        if room >= position:
            queue.flush(peer.take, peer.take, position)
        else:
            with pytest.raises(EOFError):
                queue.flush(peer.take, peer.take, position)
    assert peer.taken == b"aaabbb"[:room]


def test_sender_whose_packet_is_written_leaves_the_rest(module: ModuleType) -> None:
    """
    What is behind it is written as far as that goes at once, and is no reason to wait.
    """
    queue, peer = module.Outbound(), Peer(module, 9)
    first, second = put(queue, b"a" * module.JOINED_LIMIT), put(queue, b"bbb")
    queue.flush(len, lambda packet: 0, first)
    assert queue.is_left_behind()
    queue.flush(peer.take, peer.take, second)
    assert queue.is_empty()
    assert peer.taken == b"bbb"


def test_sender_whose_packet_is_out_goes_on_while_the_writer_waits(module: ModuleType) -> None:
    """
    The writer's own packet is behind that; the peer takes it in part, and no more for a while.
    """
    queue = module.Outbound()
    first, second = put(queue, b"aaa"), put(queue, b"bbb")
    waiting: list[Call] = []
    over = threading.Event()

    def take_four(packet: bytes) -> int:
        if not waiting:
            waiting.append(Call(queue.flush, len, len, first))
            assert waiting[0].blocks()
            return 4
        waiting[0].result(10)
        over.set()
        return len(packet)

    Call(queue.flush, take_four, take_four, second).result(20)
    assert over.is_set()


def test_interrupted_writer_leaves_its_packet_to_the_next(module: ModuleType) -> None:
    """
    What a signal handler raises ends nothing, and other senders do not wait for the interrupted.
    """
    queue, peer = module.Outbound(), Peer(module, 99)
    position = put(queue, b"aaa")
    waiting: list[Call] = []

    def interrupted(_: bytes) -> int:
        waiting.append(Call(queue.flush, peer.take, peer.take, position))
        assert waiting[0].blocks()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queue.flush(interrupted, interrupted, position)
    waiting[0].result(10)
    assert peer.taken == b"aaa"


@pytest.mark.slow
def test_session_of_an_interrupted_sender_goes_on_or_says_why_not(
    paramiko: ModuleType, open_connection: Callable[..., Connection], failure: Any
) -> None:
    """
    A packet that is lost while it is made ends the session, since the cipher may have gone on.

    Stock goes on to send what the server does not understand.
    """
    modules = [importlib.import_module(f"{paramiko.__name__}.{name}") for name in PACKING]
    connection, ends = None, 0
    for cut in range(1, MOST_CALLS):
        if connection is None:
            connection = open_connection()
            channel = connection.run("exec cat")
            channel.settimeout(10)
        was_cut = run_until(modules, cut, partial(channel.sendall, b"x"))
        try:
            channel.sendall(b"y")
            echo = b""
            while not echo.endswith(b"y"):
                echo += channel.recv(2)
            assert echo in ([b"xy"] if not was_cut else [b"xy", b"y"])
        except failure as error:
            assert error.error.startswith("was left in the middle of a packet")
            connection, ends = None, ends + 1
        if not was_cut:
            assert ends
            return
    pytest.fail("more calls are made than are tried")
