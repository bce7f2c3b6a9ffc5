"""
What the server had sent before the proxy ended: it is delivered first, and stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from session.connection import Connection, buffered, raised
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

OUTPUT_SIZE_BYTES = 100_000
STDERR_SIZE_BYTES = 30_000

#: Writes that much to both streams and then waits for the end of its input.
WRITES_AND_WAITS = (
    f"head -c {OUTPUT_SIZE_BYTES} /dev/zero; head -c {STDERR_SIZE_BYTES} /dev/zero >&2; exec cat"
)

#: Exits with status 3 and leaves a descendant that keeps its streams open.
EXITS_WITH_STREAMS_OPEN = (
    "{ while kill -0 $PPID 2>/dev/null; do sleep 1; done; } & printf ab; exit 3"
)

#: Writes "ab" and exits with status 3; the server then closes the channel.
EXITS = "printf ab; exit 3"


def read_all(recv: Callable[[int], bytes]) -> tuple[int, BaseException | None]:
    """
    Return how many bytes a call delivers, and what it raises then; `None` for an empty read.
    """
    size_bytes = 0
    while True:
        piece = Call(recv, 4096)
        error = piece.error(PROMPT_S)
        if error is not None:
            return size_bytes, error
        if not piece.result():
            return size_bytes, None
        size_bytes += len(piece.result())


@pytest.mark.fault
def test_recv_delivers_what_had_arrived_before_failure_when_proxy_ends(
    open_connection: Open, fault: Fault
) -> None:
    """
    Both streams of a channel give all that had arrived, and then raise why the proxy ended.
    """
    connection = open_connection(fault)
    channel = connection.run(WRITES_AND_WAITS)
    wait_until(
        lambda: (
            buffered(channel) == OUTPUT_SIZE_BYTES
            and len(channel.in_stderr_buffer) == STDERR_SIZE_BYTES
        ),
        10,
        "all the output of the command",
    )
    connection.strike_and_wait()

    for recv, size_bytes in (
        (channel.recv, OUTPUT_SIZE_BYTES),
        (channel.recv_stderr, STDERR_SIZE_BYTES),
    ):
        received_bytes, error = read_all(recv)
        assert received_bytes == size_bytes
        connection.assert_reason(error)


@pytest.mark.fault
def test_file_delivers_lines_that_had_arrived_before_failure_when_proxy_ends(
    open_connection: Open, fault: Fault
) -> None:
    """
    Iteration over an output gives the lines that had arrived whole, and then raises.
    """
    connection = open_connection(fault)
    channel = connection.run("printf 'one\\ntwo\\nthr'; exec cat")
    wait_until(lambda: buffered(channel) == 11, 10, "the output of the command")
    connection.strike_and_wait()

    lines: list[str] = []
    error = raised(Call(lambda: lines.extend(line for line in channel.makefile("r"))), PROMPT_S)
    connection.assert_reason(error)


@pytest.mark.fault
def test_recv_exit_status_returns_status_that_had_arrived_when_proxy_ends(
    open_connection: Open, fault: Fault
) -> None:
    """
    An exit status that the server had sent is returned, while the open stream raises.
    """
    connection = open_connection(fault)
    channel = connection.run(EXITS_WITH_STREAMS_OPEN)
    wait_until(lambda: channel.exit_status_ready() and buffered(channel) == 2, 10, "the status")
    assert not channel.closed
    connection.strike_and_wait()

    assert Call(channel.recv_exit_status).result() == 3
    received_bytes, error = read_all(channel.recv)
    assert received_bytes == 2
    connection.assert_reason(error)


@pytest.mark.fault
def test_stream_that_server_closed_ends_as_ever_when_proxy_ends(
    open_connection: Open, fault: Fault
) -> None:
    """
    A channel that the server had closed gives its data, an empty read and its exit status.

    It is finished business: stock does the same.
    """
    connection = open_connection(fault)
    channel = connection.run(EXITS)
    stderr = channel.makefile_stderr("rb")
    wait_until(lambda: channel.closed and buffered(channel) == 2, 10, "the end of the command")
    connection.strike()
    connection.transport.join(PROMPT_S)

    stdout = channel.makefile("rb")
    assert Call(stdout.read).result() == b"ab"
    assert Call(stdout.read).result() == b""
    assert Call(channel.recv, 1).result() == b""
    assert Call(stderr.read).result() == b""
    assert Call(channel.recv_exit_status).result() == 3


def test_stream_whose_end_had_arrived_ends_when_its_channel_is_still_open(
    open_connection: Open,
) -> None:
    """
    After the server's end of file an empty read stays the answer, though no status ever comes.
    """
    connection = open_connection()
    # With both streams closed sshd says end of file; the channel stays open for the status.
    channel = connection.run("printf ab; exec >&- 2>&-; while read line; do :; done")
    wait_until(lambda: channel.eof_received and buffered(channel) == 2, 10, "end of file")
    connection.strike_and_wait()

    assert read_all(channel.recv) == (2, None)
    connection.assert_reason(raised(Call(channel.recv_exit_status), PROMPT_S))
