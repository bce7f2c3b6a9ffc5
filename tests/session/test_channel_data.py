"""
Data of channels in batches: every byte in its order, and nobody is woken more often than needed.
"""

from __future__ import annotations

import array
import hashlib
import importlib
import random
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection
from waiting import Call, wait_until

Open = Callable[..., Connection]

#: Of every step, also on a busy machine.
STEP_S = 30.0

MEGABYTE = 1_000_000

#: How much each of six threads sends and gets back, and after how much keys are exchanged.
EACH_BYTES, REKEY_BYTES = 4 * MEGABYTE, MEGABYTE

DATA, EXTENDED_DATA, WINDOW_ADJUST = 94, 95, 93


# --- out --------------------------------------------------------------------------------------


@pytest.mark.race
def test_every_byte_of_six_threads_arrives_in_its_order_while_keys_are_exchanged(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    Each has a channel of its own on one connection, and gets back what it sends.
    """
    transport = connect_through_valve(timeout=STEP_S).get_transport()
    transport.packetizer.REKEY_BYTES = REKEY_BYTES
    exchanges = []
    change_cipher = transport.packetizer.set_inbound_cipher

    def count(*args: Any, **kwds: Any) -> None:
        exchanges.append(args)
        change_cipher(*args, **kwds)

    transport.packetizer.set_inbound_cipher = count

    def echo(seed: int) -> None:
        chance = random.Random(seed)
        channel = transport.open_session(timeout=STEP_S)
        channel.settimeout(STEP_S)
        channel.exec_command("exec cat")
        sent = hashlib.sha256()

        def send() -> None:
            left = EACH_BYTES
            while left:
                piece = chance.randbytes(min(left, chance.choice([1, 1000, 32768, 700_000])))
                channel.sendall(piece)
                sent.update(piece)
                left -= len(piece)
            channel.shutdown_write()

        sending = Call(send)
        received = hashlib.sha256()
        while data := channel.recv(chance.choice([1000, 32768, 65536])):
            received.update(data)
        sending.result(STEP_S)
        assert received.digest() == sent.digest()
        assert channel.recv_exit_status() == 0
        channel.close()

    calls = [Call(echo, seed) for seed in range(6)]
    for call in calls:
        call.result(STEP_S * 4)
    assert exchanges
    del transport.packetizer.set_inbound_cipher


def test_many_packets_are_waited_for_together(open_connection: Open) -> None:
    """
    A megabyte is some thirty packets; upstream's sender waits for each.
    """
    channel = open_connection().run("exec cat >/dev/null")
    channel.settimeout(STEP_S)
    packetizer = channel.transport.packetizer
    waits = 0
    flush = packetizer.flush

    def count(*args: Any, **kwds: Any) -> None:
        nonlocal waits
        if threading.current_thread() is not channel.transport:
            waits += 1
        flush(*args, **kwds)

    packetizer.flush = count
    try:
        channel.sendall(bytes(MEGABYTE))
    finally:
        del packetizer.flush
    assert waits <= 6


@pytest.mark.parametrize(
    "data",
    [
        b"bytes" * 20_000,
        bytearray(b"array" * 20_000),
        memoryview(b"view!" * 20_000),
        memoryview(array.array("I", range(25_000))),
        "text" * 20_000,
        "ünïcödé" * 10_000,
    ],
    ids=["bytes", "bytearray", "memoryview", "view-of-ints", "ascii", "text"],
)
def test_whatever_is_sent_arrives_whole(open_connection: Open, data: Any) -> None:
    channel = open_connection().run("exec cat")
    channel.settimeout(STEP_S)
    expected = data.encode() if isinstance(data, str) else bytes(data)
    reading = Call(channel.makefile("rb").read, len(expected))
    channel.sendall(data)
    assert reading.result(STEP_S) == expected


def test_send_counts_the_characters_of_a_text(open_connection: Open) -> None:
    """
    So that a program can cut off what was sent.
    """
    channel = open_connection().run("exec cat")
    assert channel.send("ünï") == 3
    assert channel.makefile("rb").read(5) == "ünï".encode()


def test_method_in_the_place_of_send_gets_every_piece(open_connection: Open) -> None:
    """
    Programs count what is sent, or slow it down, so.
    """
    channel = open_connection().run("exec cat")
    channel.settimeout(STEP_S)
    send, sizes = channel.send, []

    def counting(data: Any) -> int:
        sizes.append(send(data))
        return int(sizes[-1])

    channel.send = counting
    channel.sendall(b"x" * 100_000)
    assert sum(sizes) == 100_000
    with channel.makefile_stdin("wb") as file:
        file.write(b"y" * 1000)
    assert sum(sizes) == 101_000
    assert len(channel.makefile("rb").read()) == 101_000


@pytest.mark.parametrize("name", ["_send_message", "_send_user_message"])
def test_method_in_the_place_of_the_transports_gets_every_message(
    open_connection: Open, paramiko: ModuleType, name: str
) -> None:
    connection = open_connection()
    channel = connection.run("exec cat")
    channel.settimeout(STEP_S)
    send, kinds = getattr(connection.transport, name), []

    def watching(message: Any) -> None:
        kinds.append(message.asbytes()[0])
        send(message)

    setattr(connection.transport, name, watching)
    channel.sendall(b"x" * 100_000)
    channel.shutdown_write()
    assert len(channel.makefile("rb").read()) == 100_000
    delattr(connection.transport, name)
    assert kinds.count(DATA) == 4


def test_sender_is_told_what_was_sent_until_there_was_no_room(open_connection: Open) -> None:
    """
    The time limit is for what is not sent. The peer reads nothing.
    """
    channel = open_connection().run("exec sleep 600")
    window = channel.out_window_size
    channel.settimeout(0.3)
    sent = 0
    with pytest.raises(socket.timeout):
        while True:
            sent += channel.send(bytes(100_000))
    assert channel.out_window_size == 0
    assert sent >= window


# --- in ---------------------------------------------------------------------------------------


@pytest.fixture
def near(paramiko: ModuleType) -> Iterator[Any]:
    """
    Yield a channel of a transport that reads nothing: the test hands it what arrives.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = paramiko.Transport(ours)
        channel = paramiko.Channel(7)
        channel._set_transport(transport)
        channel._set_window(MEGABYTE, 32768)
        channel._set_remote_channel(7, MEGABYTE, 32768)
        transport._channels.put(7, channel)
        yield channel
        channel.active = False
        transport.close()


def short_way(channel: Any) -> Any:
    """
    Return what takes the data of a channel's transport.
    """
    package = type(channel).__module__.split(".")[0]
    module = importlib.import_module(f"{package}._patched.wire.channel_data")
    return module.ShortWay(channel.transport)


def message(kind: int, *numbers: int, data: bytes = b"") -> memoryview:
    return memoryview(struct.pack(f">B{len(numbers)}I", kind, *numbers) + data)


def data_message(data: bytes, number: int = 7) -> memoryview:
    return message(DATA, number, len(data), data=data)


def stderr_message(data: bytes, code: int = 1) -> memoryview:
    return message(EXTENDED_DATA, 7, code, len(data), data=data)


def test_reader_is_woken_once_for_all_that_has_arrived(near: Any) -> None:
    way = short_way(near)
    reading = Call(near.recv, MEGABYTE)
    wait_until(lambda: bool(near.in_buffer._cv._waiters), STEP_S, "a reader that waits")
    wakes = 0
    notify_all = near.in_buffer._cv.notify_all

    def count() -> None:
        nonlocal wakes
        wakes += 1
        notify_all()

    near.in_buffer._cv.notify_all = count
    for number in range(10):
        assert way.take(data_message(bytes([number]) * 5000))
    assert wakes == 0
    way.deliver()
    assert wakes == 1
    assert reading.result(STEP_S) == b"".join(bytes([n]) * 5000 for n in range(10))
    way.deliver()
    assert wakes == 1


def test_sender_that_waits_for_room_is_woken(near: Any) -> None:
    way = short_way(near)
    near.out_window_size = 0
    with near.lock:
        assert near.out_window_size == 0
    assert way.take(message(WINDOW_ADJUST, 7, 1000))
    assert way.take(message(WINDOW_ADJUST, 7, 500))
    assert near.out_window_size == 0
    way.deliver()
    assert near.out_window_size == 1500


def test_streams_are_kept_apart_unless_they_are_combined(near: Any) -> None:
    way = short_way(near)
    for piece in (data_message(b"out"), stderr_message(b"err")):
        assert way.take(piece)
    way.deliver()
    assert (near.in_buffer.empty(), near.in_stderr_buffer.empty()) == (b"out", b"err")

    near.set_combine_stderr(True)
    for piece in (stderr_message(b"1"), data_message(b"2"), stderr_message(b"3")):
        assert way.take(piece)
    way.deliver()
    assert (near.in_buffer.empty(), len(near.in_stderr_buffer)) == (b"123", 0)


def test_nothing_is_left_in_stderr_when_it_is_combined_before_it_is_delivered(near: Any) -> None:
    way = short_way(near)
    way.take(stderr_message(b"err"))
    near.set_combine_stderr(True)
    way.deliver()
    assert (near.in_buffer.empty(), len(near.in_stderr_buffer)) == (b"err", 0)


def test_descriptor_is_readable_while_there_is_something(near: Any) -> None:
    way = short_way(near)
    descriptor = near.fileno()
    way.take(data_message(b"x"))
    way.take(stderr_message(b"y"))
    assert not select.select([descriptor], [], [], 0)[0]
    way.deliver()
    assert select.select([descriptor], [], [], 0)[0]
    near.recv(10)
    assert select.select([descriptor], [], [], 0)[0]
    near.recv_stderr(10)
    assert not select.select([descriptor], [], [], 0)[0]
    near.close()


@pytest.mark.parametrize(
    "payload",
    [
        data_message(b"x", number=8),
        data_message(bytes(MEGABYTE + MEGABYTE // 10 + 1)),
        stderr_message(b"x", code=2),
        message(DATA, 7, 4, data=b"xxx"),
        message(DATA, 7, 2, data=b"xxx"),
        message(EXTENDED_DATA, 7, 1),
        message(WINDOW_ADJUST, 7),
        message(DATA),
    ],
    ids=[
        "unknown-channel",
        "beyond-the-window",
        "unknown-kind",
        "too-short",
        "too-long",
        "no-length",
        "no-size",
        "no-channel",
    ],
)
def test_what_is_not_plain_goes_upstreams_way(near: Any, payload: memoryview) -> None:
    way = short_way(near)
    assert not way.take(payload)
    way.deliver()
    assert len(near.in_buffer) + len(near.in_stderr_buffer) == 0


def test_window_counts_what_is_taken_and_not_delivered_yet(near: Any) -> None:
    way = short_way(near)
    half = data_message(bytes(MEGABYTE // 2))
    assert way.take(half)
    assert way.take(half)
    assert not way.take(half)
    way.deliver()
    assert not way.take(half)
    assert len(near.recv(MEGABYTE)) == MEGABYTE


def test_data_that_comes_during_the_steps_of_a_key_exchange_goes_upstreams_way(near: Any) -> None:
    way = short_way(near)
    near.transport._expect_packet(31)
    assert not way.take(data_message(b"x"))


def test_handlers_of_the_program_get_what_is_theirs(
    near: Any, paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dict(near.transport._channel_handler_table)
    table[DATA] = print
    monkeypatch.setattr(type(near.transport), "_channel_handler_table", table)
    assert not short_way(near).take(data_message(b"x"))
