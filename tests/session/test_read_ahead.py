"""
What has arrived is read in few pieces, and every byte of it is used.
"""

from __future__ import annotations

import array
import fcntl
import termios
import time
from collections.abc import Callable
from typing import Any

from session.connection import Connection
from waiting import Call

SIZE_BYTES = 4_000_000

#: What one call gives at the most; by the packet, eight times as many would be needed at the least.
READ_SIZE_BYTES = 256 * 1024

#: How long nothing comes to a pipe that is full, or that all has been written to.
SETTLED_S = 0.02


def wait_until_settled(pipe: Any) -> None:
    """
    Wait until nothing more comes to a pipe for a moment, a second at the most.
    """
    waiting, before = array.array("i", [0]), -1
    deadline = time.monotonic() + 1
    while waiting[0] != before and time.monotonic() < deadline:
        before = waiting[0]
        time.sleep(SETTLED_S)
        fcntl.ioctl(pipe.fileno(), termios.FIONREAD, waiting)


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
        wait_until_settled(proxy)
        data = receive(size)
        calls.append(len(data))
        return data

    proxy.recv = count
    channel.exec_command(f"head -c {SIZE_BYTES} /dev/zero; exit 3")
    received = Call(channel.makefile("rb").read).result(20)

    assert received == bytes(SIZE_BYTES)
    assert channel.recv_exit_status() == 3
    # One call may have been under way before there was anybody to count it.
    assert sum(calls) > SIZE_BYTES - READ_SIZE_BYTES
    assert len(calls) < sum(calls) / 32768
    assert max(calls) <= READ_SIZE_BYTES
