"""
What is written arrives whole and in order, however little the carrier takes at once.
"""

from __future__ import annotations

import logging
import random
import socket
from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from waiting import Call
from wire.carriers import Pieces, Sink, cut
from wire.suites import Suite, draw_secret, payload, read, set_inbound, set_outbound, write

LIMIT_S = 20.0

SUITES = [
    Suite("aes128-ctr", "hmac-sha2-256", "none"),
    Suite("aes256-ctr", "hmac-sha2-512-etm@openssh.com", "zlib"),
    Suite("aes128-cbc", "hmac-sha1", "none"),
]

THREADS = 4
MESSAGES = 60


@pytest.fixture
def ends(leak_check: Any) -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    Yield the two ends of a connection that takes little at once, as a transport sets them.
    """
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with near, far:
        for end in (near, far):
            end.settimeout(0.1)
        yield near, far


@pytest.mark.parametrize("chosen", SUITES, ids=str)
def test_carrier_that_takes_parts_gets_all(
    paramiko: ModuleType, stock: ModuleType, chosen: Suite
) -> None:
    """
    Parts of a packet, nothing for now, "would block": no byte is left out or comes twice.
    """
    secret = draw_secret()
    sink = Sink(reluctant=True)
    writer = paramiko.Packetizer(sink)
    set_outbound(paramiko, writer, chosen, secret)
    payloads = [payload(random.randint(1, 5000)) for _ in range(100)]
    write(paramiko, writer, payloads)
    made = stock.Packetizer(Pieces([bytes(sink.wire)]))
    set_inbound(stock, made, chosen, secret)
    assert [read(made) for _ in payloads] == payloads


@pytest.mark.parametrize("chosen", SUITES, ids=str)
def test_threads_that_send_at_once_do_not_mix_their_messages(
    paramiko: ModuleType,
    stock: ModuleType,
    chosen: Suite,
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """
    Each thread's messages arrive whole and in their order, while the peer reads slowly.
    """
    secret = draw_secret()
    near, far = ends
    writer, made = paramiko.Packetizer(near), stock.Packetizer(far)
    set_outbound(paramiko, writer, chosen, secret)
    set_inbound(stock, made, chosen, secret)
    sent = {
        first: [bytes([first]) + payload(random.randint(1, 20_000)) for _ in range(MESSAGES)]
        for first in range(100, 100 + THREADS)
    }
    calls = [Call(write, paramiko, writer, payloads) for payloads in sent.values()]
    arrived = defaultdict(list)
    for _ in range(THREADS * MESSAGES):
        text = Call(read, made).result(LIMIT_S)
        arrived[text[0]].append(text)
    for call in calls:
        call.result(LIMIT_S)
    assert arrived == sent
    writer.close()
    made.close()


def test_close_ends_a_sender_of_which_nothing_is_taken(
    paramiko: ModuleType, ends: tuple[socket.socket, socket.socket]
) -> None:
    """
    The sender gets `EOFError`, as everybody does who writes or reads later.
    """
    near, _ = ends
    writer = paramiko.Packetizer(near)
    call = Call(write, paramiko, writer, [payload(30_000)] * 100)
    assert call.blocks()
    writer.close()
    assert writer.closed
    assert isinstance(call.error(LIMIT_S), EOFError)
    for later in (lambda: write(paramiko, writer, [payload(1)]), writer.read_message):
        assert isinstance(Call(later).error(LIMIT_S), EOFError)


def test_close_ends_a_reader_that_gets_nothing(
    paramiko: ModuleType, ends: tuple[socket.socket, socket.socket]
) -> None:
    """
    The reader gets `EOFError` too.
    """
    made = paramiko.Packetizer(ends[0])
    call = Call(made.read_message)
    assert call.blocks()
    made.close()
    assert isinstance(call.error(LIMIT_S), EOFError)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_lines_before_the_first_packet_are_read_wherever_they_are_split(
    paramiko: ModuleType, stock: ModuleType, end: bytes
) -> None:
    """
    And the packet behind them is not lost, also where it came in the same read.
    """
    sink = Sink()
    lines = ["welcome", "", "SSH-2.0-peer"]
    writer = stock.Packetizer(sink)
    writer.write_all(b"".join(line.encode() + end for line in lines))
    payloads = [payload(300), payload(5)]
    write(stock, writer, payloads)
    wire = bytes(sink.wire)
    for place in range(len(wire)):
        made = paramiko.Packetizer(Pieces([wire[:place], wire[place:]]))
        assert [made.readline(LIMIT_S) for _ in lines] == lines
        assert [read(made) for _ in payloads] == payloads


def test_raw_bytes_are_written_and_read_beside_packets(
    paramiko: ModuleType, stock: ModuleType
) -> None:
    """
    `write_all` and `read_all` take and give exactly so many bytes.
    """
    sink = Sink(reluctant=True)
    writer = paramiko.Packetizer(sink)
    writer.write_all(b"SSH-2.0-us\r\n")
    write(paramiko, writer, [payload(100)])
    writer.write_all(b"raw")
    made = stock.Packetizer(Pieces([bytes(sink.wire)]))
    assert made.readline(LIMIT_S) == "SSH-2.0-us"
    assert len(read(made)) == 100
    assert made.read_all(3) == b"raw"
    made = paramiko.Packetizer(Pieces(cut(bytes(sink.wire), 5)))
    assert made.read_all(12) == b"SSH-2.0-us\r\n"
    assert len(read(made)) == 100
    assert made.read_all(3) == b"raw"
    with pytest.raises(EOFError):
        made.read_all(1)


@pytest.mark.parametrize("chosen", [None, *SUITES], ids=str)
def test_hexdump_names_packets_as_stock_does(
    paramiko: ModuleType, stock: ModuleType, chosen: Suite | None
) -> None:
    """
    Which message it is and how long, of each packet written and read; and its bytes.
    """
    secret = draw_secret()
    payloads = [b"\x15", payload(40), bytes([200]) + payload(70)]
    told = {}
    for library in (paramiko, stock):
        rows: list[str] = []
        log = logging.Logger("wire")
        handler = logging.Handler()
        handler.emit = lambda record, rows=rows: rows.append(  # type: ignore[method-assign,misc]
            record.getMessage()
        )
        log.addHandler(handler)
        sink = Sink()
        writer = library.Packetizer(sink)
        if chosen:
            set_outbound(library, writer, chosen, secret)
        writer.set_log(log)
        writer.set_hexdump(True)
        assert writer.get_hexdump()
        write(library, writer, payloads)
        made = library.Packetizer(Pieces([bytes(sink.wire)]))
        if chosen:
            set_inbound(library, made, chosen, secret)
        made.set_log(log)
        made.set_hexdump(True)
        assert [read(made) for _ in payloads] == payloads
        told[library] = [row for row in rows if not row.startswith(("IN: ", "OUT: "))]
        for way in ("OUT: ", "IN: "):
            assert any(row.startswith(way) for row in rows)
    assert told[paramiko] == told[stock]
    assert len(told[paramiko]) == 9
