"""
Many senders at once: every byte arrives, in order, whatever else the connection does.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from waiting import Call

SENDERS = 6
SIZE_BYTES = 400_000


def echo(transport: Any, number: int) -> tuple[int, int]:
    """
    Send what only this sender sends, and return how much came back and where it first differed.
    """
    channel = transport.open_session(timeout=10)
    channel.settimeout(20)
    channel.exec_command("cat")
    words = b"".join(b"%d:%06d\n" % (number, count) for count in range(SIZE_BYTES // 9))
    received = bytearray()

    def read() -> None:
        while data := channel.recv(65536):
            received.extend(data)

    reader = Call(read)
    channel.sendall(words)
    channel.shutdown_write()
    reader.result(30)
    channel.close()
    same = next((i for i, pair in enumerate(zip(received, words)) if pair[0] != pair[1]), -1)
    return len(received) - len(words), same


@pytest.mark.race
def test_every_byte_arrives_while_keys_change_and_files_are_collected(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    Packets of many threads, key exchanges, keepalives, and destructors that send as well.
    """
    transport = connect_through_valve().get_transport()
    transport.set_keepalive(0.05)
    over = threading.Event()

    def change_keys() -> None:
        while not over.is_set():
            transport.renegotiate_keys()

    def drop_files() -> None:
        while not over.is_set():
            file = transport.open_session(timeout=10).makefile_stdin("wb")
            file.itself = file  # a cycle: the collector closes it, in any thread
            del file
            gc.collect()

    disturbing = [Call(change_keys), Call(drop_files)]
    sending = [Call(echo, transport, number) for number in range(SENDERS)]
    results = [call.result(50) for call in sending]
    over.set()
    for call in disturbing:
        call.result(20)

    assert results == [(0, -1)] * SENDERS
    assert transport.is_active()
