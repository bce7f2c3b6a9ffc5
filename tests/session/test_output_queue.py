"""
Packets that wait to be written, where a signal handler's exception cuts into the sender.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import children
import pytest
from interrupts import run_until
from session.connection import Connection

#: Longer than what is written together, and what is written by one call.
PACKETS = [bytes([letter]) * size for letter, size in zip(b"abcd", (70_000, 70_000, 5, 9))]
WRITTEN_AT_ONCE = 50_000

#: More calls than are made for these.
MOST_CALLS = 300

#: Where a sender is on its way from the queue to the pipe.
WAY = ["_output_queue", "_socket_wait", "proxy", "_proxy_pipes"]

#: Where it is before that.
PACKING = ["packet", "_keyed_mac"]


def test_interrupted_sender_leaves_the_queue_in_order(paramiko: ModuleType) -> None:
    """
    Wherever it is interrupted: what follows is written to the end, and nothing is written twice.
    """
    module = importlib.import_module(paramiko.__name__ + "._output_queue")
    for cut in range(1, MOST_CALLS):
        queue, written = module.OutputQueue(), io.BytesIO()

        def write(packet: bytes, noted: list[int], written: io.BytesIO = written) -> None:
            noted.extend(map(written.write, (packet[:WRITTEN_AT_ONCE],)))

        def send(packets: list[bytes], queue: Any = queue, write: Any = write) -> None:
            for packet in packets:
                queue.put(packet)
            queue.flush(write, write, wait=True)

        was_cut = run_until([module], cut, partial(send, PACKETS[:-1]))
        send(PACKETS[-1:])
        assert queue.empty()
        # One that had no place in the queue yet, and those behind it, are not written at all.
        accepted = [packet for packet in PACKETS[:-1] if packet in written.getvalue()]
        assert accepted == PACKETS[: len(accepted)]
        assert was_cut or accepted == PACKETS[:-1]
        assert written.getvalue() == b"".join([*accepted, PACKETS[-1]])
        if not was_cut:
            assert cut > len(PACKETS)
            return
    pytest.fail("the queue makes more calls than are tried")


def payloads(stream: Callable[[int], bytes]) -> Iterator[bytes]:
    """
    Yield what is in the packets of a stream that is not encrypted (RFC 4253, section 6).
    """

    def read(size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += stream(size - len(data))
        return data

    while True:
        size = int.from_bytes(read(4), "big")
        packet = read(size)
        yield packet[1 : size - packet[0]]


@pytest.mark.slow
def test_interrupted_sender_leaves_the_stream_in_order(paramiko: ModuleType) -> None:
    """
    The same on the whole way to a real proxy, from the queue to the system call.

    Stock loses the rest of the packet, or raises something else.
    """
    modules = [importlib.import_module(f"{paramiko.__name__}.{name}") for name in WAY]
    for cut in range(1, MOST_CALLS):
        with paramiko.ProxyCommand(children.RELAY) as proxy:
            proxy.settimeout(10)
            packetizer = importlib.import_module(f"{paramiko.__name__}.packet").Packetizer(proxy)

            for packet in PACKETS:
                packetizer.queue_message(paramiko.Message(packet))
            was_cut = run_until(modules, cut, packetizer.flush)
            packetizer.flush()
            received = payloads(proxy.recv)
            assert [next(received) for _ in PACKETS] == PACKETS
        if not was_cut:
            assert cut > len(PACKETS)
            return
    pytest.fail("more calls are made than are tried")


@pytest.mark.slow
def test_session_of_an_interrupted_sender_goes_on_or_says_why_not(
    paramiko: ModuleType, open_connection: Callable[..., Connection], failure: Any
) -> None:
    """
    A packet that is lost while it is encrypted ends the session; one at any other moment does not.

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
            assert 0 < ends < cut / 2
            return
    pytest.fail("more calls are made than are tried")
