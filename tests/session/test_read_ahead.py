"""
What has arrived is read in few pieces, and every byte of it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from session.connection import Connection
from waiting import Call

SIZE_BYTES = 4_000_000

#: What one call gives at the most; by the packet, twice as many calls would be needed at the least.
PIPE_SIZE_BYTES = 65536


def test_output_is_read_in_large_pieces(open_connection: Callable[..., Connection]) -> None:
    """
    Less than one call for each packet, where upstream makes two or more.

    The command's output waits in the pipe while nobody looks, so that there is something to take.
    """
    connection = open_connection()
    channel = connection.transport.open_session()
    proxy = connection.transport.sock
    calls: list[int] = []
    receive = proxy.recv

    def count(size: int) -> Any:
        data = receive(size)
        calls.append(len(data))
        return data

    proxy.recv = count
    channel.exec_command(f"head -c {SIZE_BYTES} /dev/zero; exit 3")
    received = Call(channel.makefile("rb").read).result(20)

    assert received == bytes(SIZE_BYTES)
    assert channel.recv_exit_status() == 3
    # One call may have been under way before there was anybody to count it.
    assert sum(calls) > SIZE_BYTES - PIPE_SIZE_BYTES
    assert len(calls) < sum(calls) / 32768
    assert max(calls) <= PIPE_SIZE_BYTES
