"""
Whatever is wrong with a stream, it ends with an exception that says so: soon, and in little memory.
"""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from collections.abc import Iterable
from types import ModuleType

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from wire.carriers import Endless, Pieces
from wire.suites import (
    Sealer,
    Suite,
    draw_secret,
    payload,
    read,
    reader,
    written,
)

#: What may be taken of a stream before it is refused: the longest message, and what is read ahead.
MOST_BYTES = 2 * 1024 * 1024

#: The same examples in every run. They are not made shorter when one fails, which takes minutes.
FUZZED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

#: What may be held of it, with copies of it in the course of being decrypted.
MEMORY_BYTES = 16 * 1024 * 1024


def documented(library: ModuleType) -> tuple[type[Exception], ...]:
    """
    Return what a reader may raise: the transport tells each of them to its callers.

    `InvalidTag` is what a cipher that authenticates says.
    """
    return (library.SSHException, EOFError, InvalidTag)


def flipped(wire: bytes, bits: Iterable[int]) -> bytes:
    """
    Return a text of which some bits are the other way round.
    """
    garbled = bytearray(wire)
    for bit in bits:
        garbled[bit // 8] ^= 1 << bit % 8
    return bytes(garbled)


def test_flipped_bit_is_never_delivered(
    paramiko: ModuleType, stock: ModuleType, suite: Suite
) -> None:
    """
    One in each byte of a packet, code included; and each of those of its length.
    """
    secret = draw_secret()
    good, spoiled, behind = ([payload(size)] for size in (30, 21, 3000))
    wire = written(stock, suite, secret, good + spoiled + behind)
    begin, end = (len(written(stock, suite, secret, part)) for part in (good, good + spoiled))
    places = {8 * at + random.randrange(8) for at in range(begin, end)}
    for bit in sorted(places | {*range(8 * begin, 8 * begin + 32)}):
        made = reader(paramiko, suite, secret, Pieces([flipped(wire, [bit])]))
        assert read(made) == good[0]
        with pytest.raises(documented(paramiko)):
            made.read_message()


def test_wrong_code_is_said(paramiko: ModuleType, stock: ModuleType, bare_suite: Suite) -> None:
    """
    Where the last byte of a packet is another, its code does not match.
    """
    secret = draw_secret()
    wire = written(stock, bare_suite, secret, [payload(100)])
    made = reader(paramiko, bare_suite, secret, Pieces([flipped(wire, [8 * len(wire) - 1])]))
    if bare_suite.mac:
        with pytest.raises(paramiko.SSHException, match="Mismatched MAC"):
            made.read_message()
    else:
        with pytest.raises((InvalidTag, paramiko.SSHException)):
            made.read_message()


def test_garbled_length_does_not_make_the_reader_take_all_there_is(
    paramiko: ModuleType, stock: ModuleType, bare_suite: Suite
) -> None:
    """
    The peer goes on for ever behind it; where stock waits for gigabytes.
    """
    secret = draw_secret()
    wire = written(stock, bare_suite, secret, [payload(30)])
    for bit in range(32):
        carrier = Endless([flipped(wire, [bit])], MOST_BYTES)
        made = reader(paramiko, bare_suite, secret, carrier)
        with pytest.raises(documented(paramiko)):
            made.read_message()


def test_length_beyond_the_limit_is_refused_before_anything_is_kept(
    paramiko: ModuleType, bare_suite: Suite
) -> None:
    """
    A peer that has the keys may ask for no more than one that has not.
    """
    for length in (MOST_BYTES + 12, 0x7FFFFFFC, 0xFFFFFFFC):
        secret = draw_secret()
        wire = Sealer(paramiko, bare_suite, secret).seal(length, bytes(28))
        made = reader(paramiko, bare_suite, secret, Endless([wire], MOST_BYTES))
        tracemalloc.start()
        try:
            with pytest.raises(paramiko.SSHException):
                made.read_message()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1024 * 1024


@pytest.mark.parametrize("length", [MOST_BYTES + 4, 0x7FFFFFFC, 0xFFFFFFFC, 0xFFFFFFFF])
def test_length_is_limited_before_there_are_keys(paramiko: ModuleType, length: int) -> None:
    """
    Also of the very first packet, from anybody who has a connection.
    """
    made = paramiko.Packetizer(Endless([struct.pack(">IB", length, 4)], MOST_BYTES))
    with pytest.raises(paramiko.SSHException):
        made.read_message()


#: What the packet says of itself, and what is in it, padding's length first. Each is a whole number
#: of blocks for a cipher with a block of 16 that leaves the length alone (32), or does not (28).
LIES = {
    "padding-of-all": lambda size: bytes([size - 1]) + bytes(size - 1),
    "padding-of-more": lambda size: bytes([255]) + bytes(size - 1),
    "no-padding": lambda size: bytes([0]) + b"\x5e" + bytes(size - 2),
    "padding-of-one-byte": lambda size: bytes([1]) + b"\x5e" + bytes(size - 2),
}


@pytest.mark.parametrize("lie", LIES)
def test_padding_that_cannot_be_is_no_trouble(
    paramiko: ModuleType, bare_suite: Suite, lie: str
) -> None:
    """
    A message comes of it, or an exception; what follows is read, or refused too.
    """
    secret = draw_secret()
    sealer = Sealer(paramiko, bare_suite, secret)
    apart = not bare_suite.mac or bare_suite.mac.endswith("-etm@openssh.com")
    size = 32 if apart else 28
    wire = sealer.seal(size, LIES[lie](size))
    made = reader(paramiko, bare_suite, secret, Endless([wire], MOST_BYTES))
    with pytest.raises((*documented(paramiko), IndexError)):
        while True:
            made.read_message()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 8, 11, 12, 13])
def test_short_length_is_no_trouble(paramiko: ModuleType, bare_suite: Suite, length: int) -> None:
    """
    A packet that is shorter than any can be, or no whole number of blocks, with a code of its own.
    """
    secret = draw_secret()
    apart = not bare_suite.mac or bare_suite.mac.endswith("-etm@openssh.com")
    size = 32 if apart else 28
    wire = Sealer(paramiko, bare_suite, secret).seal(length, bytes(size))
    made = reader(paramiko, bare_suite, secret, Endless([wire], MOST_BYTES))
    with pytest.raises((*documented(paramiko), IndexError, struct.error, ValueError)):
        while True:
            made.read_message()


def test_message_that_inflates_beyond_the_limit_is_refused(
    paramiko: ModuleType, stock: ModuleType
) -> None:
    """
    Megabytes of zeros are kilobytes on the wire.
    """
    secret = draw_secret()
    suite = Suite("aes128-ctr", "hmac-sha2-256", "zlib")
    wire = written(stock, suite, secret, [b"\x5e" + bytes(32 * 1024 * 1024)])
    made = reader(paramiko, suite, secret, Pieces([wire]))
    tracemalloc.start()
    try:
        with pytest.raises(paramiko.SSHException):
            made.read_message()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BYTES


@pytest.mark.parametrize("text", [b"x" * 40, zlib.compress(b"x" * 40)[:-3] + b"\xff" * 9, b""])
def test_what_cannot_be_inflated_is_an_error(paramiko: ModuleType, text: bytes) -> None:
    """
    From a peer that has the keys.
    """
    secret = draw_secret()
    suite = Suite("aes128-ctr", "hmac-sha2-256-etm@openssh.com", "zlib")
    padding = 15 - len(text) % 16 + 16
    rest = bytes([padding]) + text + bytes(padding)
    wire = Sealer(paramiko, suite, secret).seal(len(rest), rest)
    made = reader(paramiko, suite, secret, Pieces([wire]))
    with pytest.raises((*documented(paramiko), zlib.error, IndexError)):
        while True:
            made.read_message()


#: How a stream is spoiled: what is done, where (of a thousand), and with what.
SPOILING = st.lists(
    st.tuples(
        st.sampled_from(["flip", "drop", "put", "cut", "swap"]),
        st.integers(0, 999),
        st.binary(min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=4,
)


def spoil(wire: bytes, steps: Iterable[tuple[str, int, bytes]]) -> bytes:
    """
    Return a stream with some things done to it.
    """
    for how, where, what in steps:
        at = where * len(wire) // 1000
        if how == "flip":
            wire = wire[:at] + bytes([wire[at] ^ (what[0] or 1)]) + wire[at + 1 :] if wire else b""
        elif how == "drop":
            wire = wire[:at] + wire[at + len(what) :]
        elif how == "put":
            wire = wire[:at] + what + wire[at:]
        elif how == "cut":
            wire = wire[:at]
        else:
            wire = wire[at:] + wire[:at]
    return wire


@settings(FUZZED, max_examples=25)
@given(
    sizes=st.lists(st.sampled_from([1, 8, 15, 100, 3000]), min_size=1, max_size=6),
    steps=SPOILING,
    seed=st.integers(0, 1 << 32),
)
def test_spoiled_stream_gives_what_was_sent_and_then_an_exception(
    paramiko: ModuleType,
    stock: ModuleType,
    bare_suite: Suite,
    sizes: list[int],
    steps: list[tuple[str, int, bytes]],
    seed: int,
) -> None:
    """
    Nothing is delivered that was not sent so, and nothing behind the place where it is spoiled.
    """
    random.seed(seed)
    secret = draw_secret()
    payloads = [payload(size) for size in sizes]
    wire = spoil(written(stock, bare_suite, secret, payloads), steps)
    made = reader(paramiko, bare_suite, secret, Endless([wire], MOST_BYTES))
    got: list[bytes] = []
    with pytest.raises(documented(paramiko)):
        while True:
            got.append(read(made))
    assert got == payloads[: len(got)]


@settings(FUZZED, max_examples=300)
@given(wire=st.binary(max_size=200), zeros=st.integers(0, 3), seed=st.integers(0, 1 << 32))
def test_stream_without_keys_ends_with_an_exception(
    paramiko: ModuleType, wire: bytes, zeros: int, seed: int
) -> None:
    """
    Anything at all, from anybody; often with a length that is believable.
    """
    random.seed(seed)
    made = paramiko.Packetizer(Endless([bytes(zeros) + wire], 20 * MOST_BYTES))
    with pytest.raises((*documented(paramiko), IndexError)):
        while True:
            made.read_message()
