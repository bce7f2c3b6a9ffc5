"""
What has arrived and is not read yet: it costs a reader nothing, and stays what it is.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

#: A packet, and twice what a channel's window lets in.
SHORT_BYTES, LONG_BYTES = 32_768, 4_194_304

READS = 2_000

#: A reader that moves the rest each time takes sixty times as long; to look how much there is makes
#: it five times.
TIMES_AS_LONG = 20


@pytest.fixture
def pipe(paramiko: ModuleType) -> Any:
    """
    Return what a channel has for what has arrived.
    """
    return import_module(paramiko.__name__ + ".buffered_pipe").BufferedPipe()


def reading_time(pipe: Any, backlog_bytes: int) -> float:
    """
    Return the CPU seconds that it takes to read a byte, and again, before a backlog of that size.
    """
    pipe.empty()
    for _ in range(backlog_bytes // SHORT_BYTES):
        pipe.feed(bytes(SHORT_BYTES))
    started = time.thread_time()
    for _ in range(READS):
        pipe.read(1)
    return time.thread_time() - started


def test_read_takes_no_longer_when_more_has_arrived(pipe: Any) -> None:
    """
    Who is behind does not get slower by that.
    """
    assert reading_time(pipe, LONG_BYTES) < TIMES_AS_LONG * reading_time(pipe, SHORT_BYTES)


@pytest.mark.parametrize("seed", range(20))
def test_bytes_come_out_as_they_went_in(pipe: Any, seed: int) -> None:
    """
    Pieces of any length in, pieces of any length out, in any order.
    """
    chance = random.Random(seed)
    lengths = [0, 1, 2, 100, 16_383, 16_384, 16_385, 32_768, 100_000]
    model = b""
    for _ in range(300):
        action = chance.choice(["feed", "feed", "read", "read", "read", "empty"])
        if action == "feed":
            data = chance.randbytes(chance.choice(lengths))
            pipe.feed(data)
            model += data
        elif action == "empty" and chance.random() < 0.1:
            assert pipe.empty() == model
            model = b""
        elif model:
            size = chance.choice(lengths[1:])
            data = pipe.read(size)
            assert type(data) is bytes
            assert data == model[:size]
            model = model[size:]
        assert len(pipe) == len(model)
        assert pipe.read_ready() == bool(model)
    pipe.close()
    assert pipe.empty() == model


def test_single_bytes_do_not_take_a_hundred_times_their_memory(pipe: Any) -> None:
    """
    A peer that sends a byte at a time fills no more memory than one that sends whole packets.
    """
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100_000):
            pipe.feed(b"x")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pipe) == 100_000
    assert after - before < 2 * 100_000
