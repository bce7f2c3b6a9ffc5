"""
Keys change in the middle of a stream, packets are numbered throughout, and new keys are asked for.
"""

from __future__ import annotations

import dataclasses
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from waiting import Call
from wire.carriers import Pieces, Sink, cut
from wire.suites import (
    NEWKEYS,
    Secret,
    Suite,
    draw_secret,
    payload,
    read,
    set_inbound,
    set_outbound,
    suites,
    write,
)

#: Long for what takes a second, on a machine that is busy.
LIMIT_S = 20.0

#: A number of four bytes begins anew behind this one.
LAST_NUMBER = 0xFFFFFFFF

#: What both libraries call it, and upstream's own tests as well.
NUMBER_IN = "_Packetizer__sequence_number_in"
NUMBER_OUT = "_Packetizer__sequence_number_out"

#: What is agreed upon where it does not matter.
ANY = Suite("aes128-ctr", "hmac-sha2-256", "none")
SEALED_FIRST = Suite("aes128-ctr", "hmac-sha2-256-etm@openssh.com", "none")

Step = tuple[Suite, Secret, list[bytes]]


def draw_steps(library: ModuleType) -> list[Step]:
    """
    Return everything that can be agreed upon, in any order, each with a few messages.
    """
    agreed = suites(library)
    random.shuffle(agreed)
    return [
        (suite, draw_secret(), [payload(random.randint(1, 500)) for _ in range(3)])
        for suite in agreed
    ]


def write_steps(library: ModuleType, writer: Any, steps: Sequence[Step], strict: bool) -> None:
    """
    Write the messages of each step behind a NEWKEYS, the first of which is not encrypted.
    """
    for suite, secret, payloads in steps:
        write(library, writer, [NEWKEYS])
        if strict:
            writer.reset_seqno_out()
        set_outbound(library, writer, suite, secret)
        write(library, writer, payloads)


def check_steps(library: ModuleType, made: Any, steps: Sequence[Step], strict: bool) -> None:
    """
    Fail unless this is read, and each message has the number that it should have.
    """
    number = 0
    for suite, secret, payloads in steps:
        assert read(made) == NEWKEYS
        set_inbound(library, made, suite, secret)
        if strict:
            made.reset_seqno_in()
        number = 0 if strict else number + 1
        for expected in payloads:
            command, message = made.read_message()
            assert (command, message.asbytes()) == (expected[0], expected[1:])
            assert message.seqno == number
            number += 1


@pytest.mark.parametrize(
    "strict",
    [
        pytest.param(False, id="numbers-go-on"),
        pytest.param(True, id="strict", marks=pytest.mark.needs_api("strict-key-exchange")),
    ],
)
@pytest.mark.parametrize("count", [1, 300], ids=["one-piece", "many-pieces"])
def test_keys_change_amid_what_was_read_at_once(
    paramiko: ModuleType, stock: ModuleType, strict: bool, count: int
) -> None:
    """
    What lies behind a NEWKEYS is read with the new keys, also where it came in the same read.
    """
    steps = draw_steps(paramiko)
    for writing, reading in ((paramiko, stock), (stock, paramiko)):
        sink = Sink()
        write_steps(writing, writing.Packetizer(sink), steps, strict)
        carrier = Pieces(cut(bytes(sink.wire), count))
        check_steps(reading, reading.Packetizer(carrier), steps, strict)


@pytest.mark.usefixtures("leak_check")
def test_keys_change_on_a_socket(paramiko: ModuleType, stock: ModuleType) -> None:
    """
    The same between two sockets, each with a writer and a reader at work.
    """
    steps = draw_steps(paramiko)
    for writing, reading in ((paramiko, stock), (stock, paramiko)):
        near, far = socket.socketpair()
        for end in (near, far):
            # As a transport has it.
            end.settimeout(0.1)
        writer, made = writing.Packetizer(near), reading.Packetizer(far)
        try:
            sending = Call(write_steps, writing, writer, steps, False)
            Call(check_steps, reading, made, steps, False).result(LIMIT_S)
            sending.result(LIMIT_S)
        finally:
            writer.close()
            made.close()


@pytest.mark.usefixtures("leak_check")
def test_keys_change_amid_what_a_proxy_gave_at_once(
    paramiko: ModuleType, stock: ModuleType, tmp_path: Path
) -> None:
    """
    The same from a proxy command, of which the library reads ahead.
    """
    steps = draw_steps(paramiko)
    sink = Sink()
    write_steps(stock, stock.Packetizer(sink), steps, False)
    (tmp_path / "wire").write_bytes(sink.wire)
    proxy = paramiko.ProxyCommand(f"cat {tmp_path / 'wire'}")
    proxy.settimeout(0.1)
    made = paramiko.Packetizer(proxy)
    try:
        Call(check_steps, paramiko, made, steps, False).result(LIMIT_S)
    finally:
        made.close()


@pytest.mark.parametrize("bits", [32, 40])
@pytest.mark.needs_api("authenticating-ciphers")
def test_counter_of_a_cipher_that_authenticates_carries(
    paramiko: ModuleType, stock: ModuleType, bits: int
) -> None:
    """
    All of its eight bytes count packets (RFC 5647, section 7.1).
    """
    iv = b"head" + ((1 << bits) - 2).to_bytes(8, "big")
    secret = dataclasses.replace(draw_secret(), iv=iv)
    suite = Suite("aes256-gcm@openssh.com", "", "none")
    payloads = [payload(30) for _ in range(4)]
    for writing, reading in ((paramiko, stock), (stock, paramiko)):
        sink = Sink()
        writer = writing.Packetizer(sink)
        set_outbound(writing, writer, suite, secret)
        write(writing, writer, payloads)
        made = reading.Packetizer(Pieces([bytes(sink.wire)]))
        set_inbound(reading, made, suite, secret)
        assert [read(made) for _ in payloads] == payloads


@pytest.mark.needs_api("strict-key-exchange")
def test_numbers_that_roll_over_in_the_first_key_exchange_are_an_error(
    paramiko: ModuleType,
) -> None:
    """
    In both directions; whoever brings a peer to that may leave out messages (CVE-2023-48795).
    """
    sink = Sink()
    writer = paramiko.Packetizer(sink)
    setattr(writer, NUMBER_OUT, LAST_NUMBER - 1)
    write(paramiko, writer, [payload(1)])
    with pytest.raises(paramiko.SSHException, match="rolled over"):
        write(paramiko, writer, [payload(1)])

    sink = Sink()
    write(paramiko, paramiko.Packetizer(sink), [payload(1), payload(1)])
    made = paramiko.Packetizer(Pieces([bytes(sink.wire)]))
    setattr(made, NUMBER_IN, LAST_NUMBER - 1)
    assert read(made) == payload(1)
    with pytest.raises(paramiko.SSHException, match="rolled over"):
        made.read_message()


@pytest.mark.parametrize("chosen", [ANY, SEALED_FIRST], ids=str)
def test_numbers_roll_over_later(paramiko: ModuleType, stock: ModuleType, chosen: Suite) -> None:
    """
    After the first key exchange they begin again at 0, for the codes of packets too.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in (10, 20, 30)]
    for writing, reading in ((paramiko, stock), (stock, paramiko)):
        sink = Sink()
        writer = writing.Packetizer(sink)
        set_outbound(writing, writer, chosen, secret)
        setattr(writer, NUMBER_OUT, LAST_NUMBER)
        writer._initial_kex_done = True
        write(writing, writer, payloads)
        made = reading.Packetizer(Pieces([bytes(sink.wire)]))
        set_inbound(reading, made, chosen, secret)
        setattr(made, NUMBER_IN, LAST_NUMBER)
        made._initial_kex_done = True
        read_back = [made.read_message() for _ in payloads]
        assert [message.seqno for _, message in read_back] == [LAST_NUMBER, 0, 1]
        assert [message.asbytes() for _, message in read_back] == [text[1:] for text in payloads]


@pytest.mark.parametrize(
    "limits",
    [{"REKEY_PACKETS": 7}, {"REKEY_BYTES": 3000}],
    ids=["by-packets", "by-bytes"],
)
def test_new_keys_are_asked_for_when_stock_asks(
    paramiko: ModuleType, stock: ModuleType, bare_suite: Suite, limits: dict[str, int]
) -> None:
    """
    After the same packet, of those sent and of those read; what a program sets on one counts.
    """
    secret = draw_secret()
    payloads = [payload(random.randint(1, 900)) for _ in range(20)]
    said = {}
    for library in (paramiko, stock):
        sink = Sink()
        writer = library.Packetizer(sink)
        set_outbound(library, writer, bare_suite, secret)
        vars(writer).update(limits)
        asked = []
        for text in payloads:
            write(library, writer, [text])
            asked.append(writer.need_rekey())
        made = library.Packetizer(Pieces([bytes(sink.wire)]))
        set_inbound(library, made, bare_suite, secret)
        vars(made).update(limits)
        for text in payloads:
            assert read(made) == text
            asked.append(made.need_rekey())
        said[library] = asked
    assert said[paramiko] == said[stock]
    assert not said[paramiko][0] and said[paramiko][19]
    assert not said[paramiko][20] and said[paramiko][39]


def test_new_keys_are_there_when_both_directions_have_them(paramiko: ModuleType) -> None:
    """
    One of them is not enough; and the counting begins anew.
    """
    writer = paramiko.Packetizer(Sink())
    writer.REKEY_PACKETS = 3
    set_outbound(paramiko, writer, ANY, draw_secret())
    write(paramiko, writer, [payload(9)] * 3)
    assert writer.need_rekey()
    set_outbound(paramiko, writer, ANY, draw_secret())
    assert writer.need_rekey()
    set_inbound(paramiko, writer, ANY, draw_secret())
    assert not writer.need_rekey()
    write(paramiko, writer, [payload(9)] * 2)
    assert not writer.need_rekey()
    write(paramiko, writer, [payload(9)])
    assert writer.need_rekey()


@pytest.mark.parametrize(
    "limits",
    [{"REKEY_PACKETS_OVERFLOW_MAX": 5}, {"REKEY_BYTES_OVERFLOW_MAX": 1000}],
    ids=["by-packets", "by-bytes"],
)
def test_peer_that_ignores_the_question_is_left(
    paramiko: ModuleType, stock: ModuleType, limits: dict[str, int]
) -> None:
    """
    After as many packets, or bytes, as with stock.
    """
    secret = draw_secret()
    sink = Sink()
    writer = stock.Packetizer(sink)
    set_outbound(stock, writer, ANY, secret)
    write(stock, writer, [payload(random.randint(1, 300)) for _ in range(40)])
    counts = []
    for library in (paramiko, stock):
        made = library.Packetizer(Pieces([bytes(sink.wire)]))
        set_inbound(library, made, ANY, secret)
        made.REKEY_PACKETS = 4
        vars(made).update(limits)
        taken = 0
        with pytest.raises(library.SSHException, match="ignoring rekey requests"):
            while True:
                made.read_message()
                taken += 1
        counts.append(taken)
    assert counts[0] == counts[1] < 40


def test_reader_without_input_says_that_keys_are_needed(
    paramiko: ModuleType, stock: ModuleType
) -> None:
    """
    Between two packets that gets the transport to ask for them; in the midst of one it waits.
    """
    secret = draw_secret()
    sink = Sink()
    writer = stock.Packetizer(sink)
    set_outbound(stock, writer, ANY, secret)
    write(stock, writer, [payload(40)] * 2)
    needed = paramiko.packet.NeedRekeyException
    made = paramiko.Packetizer(Pieces([bytes(sink.wire)], idle=True))
    set_inbound(paramiko, made, ANY, secret)
    made.REKEY_PACKETS = 2
    for _ in range(2):
        assert len(read(made)) == 40
    # Once: the transport asks for keys then, and waits for what comes.
    with pytest.raises(needed):
        made.read_message()
    bytewise = [bytes([byte]) for byte in sink.wire]
    made = paramiko.Packetizer(Pieces(bytewise, hesitant=True))
    set_inbound(paramiko, made, ANY, secret)
    made.REKEY_PACKETS = 1
    taken = 0
    while True:
        try:
            assert len(read(made)) == 40
            taken += 1
        except needed:
            continue
        except EOFError:
            break
    assert taken == 2
