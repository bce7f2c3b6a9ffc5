"""
What becomes of bytes on their way to a client: a piece of them is changed as chance has it.
"""

from __future__ import annotations

import random
import struct

#: Numbers at which a length, a count or a code goes wrong.
NUMBERS = (0, 1, 4, 0x7F, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF)

#: What UTF-8 does not allow, what a terminal would obey, and what ends a string in C.
WORDS = (b"\xff\xfe\xc3\x28", b"\xed\xa0\x80", b"\x1b[2J\r\n", b"\x00\x00", b"\n" * 40)

LONGEST_BYTES = 64


def mutate(chance: random.Random, data: bytes) -> bytes:
    """
    Return the bytes with something wrong about them; at times with nothing wrong after all.
    """
    change = chance.choice(
        (flip, flip, replace, replace, number, number, words, cut, append, remove, repeat, nonsense)
    )
    return change(chance, data)


def flip(chance: random.Random, data: bytes) -> bytes:
    """Change a single bit."""
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def replace(chance: random.Random, data: bytes) -> bytes:
    """Change up to eight bytes."""
    place, size = chance.randrange(len(data) + 1), chance.randrange(1, 9)
    return data[:place] + chance.randbytes(size) + data[place + size :]


def number(chance: random.Random, data: bytes) -> bytes:
    """Put a number, of four bytes, where there may have been one."""
    place = 4 * chance.randrange(len(data) // 4 + 1) + chance.randrange(2)
    return data[:place] + struct.pack(">I", chance.choice(NUMBERS)) + data[place + 4 :]


def words(chance: random.Random, data: bytes) -> bytes:
    """Put words over what was there."""
    place, word = chance.randrange(len(data) + 1), chance.choice(WORDS)
    return data[:place] + word + data[place + len(word) :]


def cut(chance: random.Random, data: bytes) -> bytes:
    """Leave out the end."""
    return data[: chance.randrange(len(data) + 1)]


def append(chance: random.Random, data: bytes) -> bytes:
    """Add something at the end."""
    return data + chance.randbytes(chance.randrange(1, LONGEST_BYTES))


def remove(chance: random.Random, data: bytes) -> bytes:
    """Leave out a piece."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[place + chance.randrange(1, 17) :]


def repeat(chance: random.Random, data: bytes) -> bytes:
    """Say a piece twice."""
    place = chance.randrange(len(data) + 1)
    end = place + chance.randrange(1, LONGEST_BYTES)
    return data[:end] + data[place:end] + data[end:]


def nonsense(chance: random.Random, data: bytes) -> bytes:
    """Say something else that is as long."""
    return chance.randbytes(len(data))
