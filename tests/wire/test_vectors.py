"""
What the library writes stock reads, and the reverse, whatever was agreed upon and however it comes.
"""

from __future__ import annotations

from types import ModuleType

import pytest
from wire.carriers import Pieces, cut
from wire.suites import (
    Secret,
    Suite,
    draw_secret,
    payload,
    read,
    reader,
    suites,
    written,
)

#: Around the sizes of blocks, of what is read at once, and of what a channel sends; up to 256 KiB.
SIZES_BYTES = (1, 2, *range(3, 35), 255, 256, 257, 4096, 32_768, 35_000, 65_535, 262_144)

#: Short, so that every place in them can be tried.
SHORT_BYTES = (1, 20)


def check_read(
    library: ModuleType, suite: Suite, secret: Secret, carrier: Pieces, payloads: list[bytes]
) -> None:
    """
    Fail unless exactly these messages are read, with their numbers, and then end of file.
    """
    made = reader(library, suite, secret, carrier)
    for number, expected in enumerate(payloads):
        command, message = made.read_message()
        assert (command, message.asbytes()) == (expected[0], expected[1:])
        assert message.seqno == number
    with pytest.raises(EOFError):
        made.read_message()


def test_suites_are_all_that_the_library_offers(paramiko: ModuleType) -> None:
    """
    Nothing that a peer may choose is left out here.
    """
    transport = paramiko.Transport
    made = suites(paramiko)
    assert {suite.cipher for suite in made} >= {*transport._preferred_ciphers}
    assert {suite.mac for suite in made} >= {*transport._preferred_macs}
    pairs = {transport._compression_info[suite.compression] for suite in made}
    assert pairs == {*transport._compression_info.values()}
    assert len(made) >= 7 * 8 * 2


def test_stock_reads_what_is_written(paramiko: ModuleType, stock: ModuleType, suite: Suite) -> None:
    """
    Messages of all sizes in a row.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in SIZES_BYTES]
    wire = written(paramiko, suite, secret, payloads)
    check_read(stock, suite, secret, Pieces([wire]), payloads)


def test_what_stock_writes_is_read(paramiko: ModuleType, stock: ModuleType, suite: Suite) -> None:
    """
    Whether all is there at once, or it comes in pieces, now and then with nothing between them.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in SIZES_BYTES]
    wire = written(stock, suite, secret, payloads)
    check_read(paramiko, suite, secret, Pieces([wire]), payloads)
    check_read(paramiko, suite, secret, Pieces(cut(wire, 200), hesitant=True), payloads)


def test_packet_is_read_wherever_it_is_split(
    paramiko: ModuleType, stock: ModuleType, suite: Suite
) -> None:
    """
    In two pieces, at each place in turn; and byte by byte.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in SHORT_BYTES]
    wire = written(stock, suite, secret, payloads)
    for place in range(1, len(wire)):
        check_read(paramiko, suite, secret, Pieces([wire[:place], wire[place:]]), payloads)
    bytewise = [wire[place : place + 1] for place in range(len(wire))]
    check_read(paramiko, suite, secret, Pieces(bytewise), payloads)


def test_cut_packet_is_end_of_file(
    paramiko: ModuleType, stock: ModuleType, bare_suite: Suite
) -> None:
    """
    A message of which the last byte is missing is not delivered, and nothing else is said of it.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in SHORT_BYTES]
    wire = written(stock, bare_suite, secret, payloads)
    made = reader(paramiko, bare_suite, secret, Pieces([wire[:-1]]))
    assert read(made) == payloads[0]
    with pytest.raises(EOFError):
        made.read_message()


def test_wire_is_that_of_stock_where_nothing_is_random(
    paramiko: ModuleType, stock: ModuleType, suite: Suite
) -> None:
    """
    Byte for byte where stock pads with zeros; of the same length everywhere.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in SIZES_BYTES]
    ours, theirs = (written(library, suite, secret, payloads) for library in (paramiko, stock))
    assert len(ours) == len(theirs)
    if suite.cipher.endswith("-ctr"):
        assert ours == theirs


def test_padding_is_random_where_stock_has_it_so(paramiko: ModuleType, bare_suite: Suite) -> None:
    """
    The same message twice under the same keys gives two texts, except in counter mode.
    """
    secret = draw_secret()
    payloads = [payload(size) for size in (20, 20)]
    one, other = (written(paramiko, bare_suite, secret, payloads) for _ in range(2))
    assert (one == other) == bare_suite.cipher.endswith("-ctr")
