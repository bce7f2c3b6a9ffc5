"""
A rest that fits a packet or two is written together with the packet before it, and never waits.
"""

from __future__ import annotations

import fcntl
import random
import struct
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session.connection import Connection
from waiting import Call, wait_until

Open = Callable[..., Connection]

#: What most programs send at a time, and what fits into one of sshd's packets.
PIECE = bytes(32768)
PACKET_SIZE_BYTES = 32704

#: Two packets that fit into one pipe.
LARGE_PIECE = bytes(60_000)

PIECES = 20

SINK = "cat >/dev/null"


def sendall(connection: Connection, path: Path) -> Callable[[bytes], Any]:
    channel = connection.run(SINK)
    return lambda piece: channel.sendall(piece)


def write_to_stdin(connection: Connection, path: Path) -> Callable[[bytes], Any]:
    stdin = connection.run(SINK).makefile_stdin("wb", 0)
    return lambda piece: stdin.write(piece)


def write_to_sftp_file(connection: Connection, path: Path) -> Callable[[bytes], Any]:
    file = connection.client.open_sftp().open(str(path), "wb")
    file.set_pipelined(True)
    return lambda piece: file.write(piece)


def count_writes() -> int:
    """
    Return how many calls to write this thread has made.
    """
    lines = Path(f"/proc/self/task/{threading.get_native_id()}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["syscw"])


def wait_taken(connection: Connection) -> None:
    """
    Wait until the proxy has taken all that was written to it.
    """

    def held() -> int:
        size = fcntl.ioctl(connection.proxy.process.stdin, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", size)[0])

    wait_until(lambda: held() == 0, 5, "the proxy to take its input")


@pytest.mark.parametrize(
    ("way", "piece"),
    [
        (sendall, PIECE),
        (sendall, LARGE_PIECE),
        (write_to_stdin, PIECE),
        (write_to_stdin, LARGE_PIECE),
        (write_to_sftp_file, PIECE),
    ],
    # Names: a piece in the name of the test is too long for the environment of `ssh`.
    ids=["sendall", "sendall-large", "stdin", "stdin-large", "sftp"],
)
def test_piece_that_is_longer_than_a_packet_is_written_at_once(
    open_connection: Open,
    tmp_path: Path,
    way: Callable[..., Callable[[bytes], Any]],
    piece: bytes,
) -> None:
    """
    One call writes both packets, where upstream makes two.
    """
    connection = open_connection()
    send = way(connection, tmp_path / "file")
    writes = 0
    for _ in range(PIECES):
        wait_taken(connection)
        before = count_writes()
        send(piece)
        writes += count_writes() - before
    assert writes == PIECES


def test_every_byte_arrives_whatever_the_length(open_connection: Open) -> None:
    """
    Around the length of a packet, and around what is worth waiting for.
    """
    channel = open_connection().run("cat")
    channel.settimeout(20)
    lengths = [1, PACKET_SIZE_BYTES, PACKET_SIZE_BYTES + 1, 32768, 65536, 81856, 81857, 200_000]
    for length in lengths:
        words = random.Random(length).randbytes(length)
        reader = Call(lambda size=length: channel.makefile("rb").read(size))
        assert channel.sendall(words) is None
        assert reader.result(20) == words


def test_send_returns_what_one_packet_holds(open_connection: Open) -> None:
    """
    Who sends piece by piece is told of each, and each is on its way then.
    """
    channel = open_connection().run(f"head -c {PACKET_SIZE_BYTES} >/dev/null; echo taken")
    channel.settimeout(10)
    assert channel.send(PIECE) == PACKET_SIZE_BYTES
    assert channel.recv(100) == b"taken\n"


def test_packet_is_sent_when_its_sender_is_interrupted_before_the_rest(
    open_connection: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Ctrl-C comes in the middle of a megabyte: what was accepted does not lie about.
    """
    channel = open_connection().run(f"head -c {PACKET_SIZE_BYTES} >/dev/null; echo taken")
    channel.settimeout(10)
    take_room = channel._wait_for_send_window
    interrupts = iter([False, True])

    def interrupt(size: int) -> Any:
        if next(interrupts):
            raise KeyboardInterrupt
        return take_room(size)

    monkeypatch.setattr(channel, "_wait_for_send_window", interrupt)
    with pytest.raises(KeyboardInterrupt):
        channel.sendall(bytes(1_000_000))
    assert channel.recv(100) == b"taken\n"


@pytest.mark.race
def test_nobody_waits_when_others_take_the_room_in_the_window(open_connection: Open) -> None:
    """
    Many send on one channel, more than its window holds, to a reader that takes its time.
    """
    senders, pieces = 6, 16
    total = senders * pieces * len(PIECE)
    channel = open_connection().run(
        "for i in 1 2 3 4 5 6 7 8; do head -c 100000 >/dev/null; sleep 0.02; done; wc -c"
    )
    channel.settimeout(30)

    def send() -> None:
        for _ in range(pieces):
            channel.sendall(PIECE)

    calls = [Call(send) for _ in range(senders)]
    for call in calls:
        call.result(30)
    channel.shutdown_write()
    assert int(channel.makefile("r").read()) == total - 800_000


def test_closed_channel_is_told_as_ever(open_connection: Open) -> None:
    """
    The rest of a string is not promised when there is nowhere to send it.
    """
    channel = open_connection().run(SINK)
    channel.close()
    with pytest.raises(OSError, match="closed"):
        channel.sendall(PIECE)
