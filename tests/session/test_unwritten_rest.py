"""
A time limit in the middle of a write: nothing is lost, and nothing is sent twice.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from waiting import Call

#: More than the windows and pipes on the way take while nobody reads.
SIZE_BYTES = 6_000_000

#: Long enough to fill all of them, and no longer than a test may take.
LIMIT_S = 2.0


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("buffering", [10_000_000, 1], ids=["buffer", "lines"])
def test_flush_after_a_time_limit_sends_only_the_rest(
    open_connection: Callable[..., Any], buffering: int
) -> None:
    """
    The far side stops to read for a while, the writer gives up, and tries again later.

    What arrives is counted there, and each line says which one it is.
    """
    connection = open_connection()
    channel = connection.transport.open_session()
    channel.exec_command("sleep 3; cat")
    channel.settimeout(LIMIT_S)
    lines = b"".join(b"%07d\n" % number for number in range(SIZE_BYTES // 8))
    file = channel.makefile_stdin("wb", buffering)

    with pytest.raises(socket.timeout):
        file.write(lines)
        file.flush()
    channel.settimeout(20)
    received = Call(_read_to_end, channel)
    Call(file.flush).result(20)
    channel.shutdown_write()

    assert received.result(20) == lines


def _read_to_end(channel: Any) -> bytes:
    received = bytearray()
    while data := channel.recv(65536):
        received += data
    return bytes(received)
