"""
Channels that one thread selects on while others read, close or feed them, between any two lines.
"""

from __future__ import annotations

import importlib
import os
import select
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from interrupts import Intrusion, run_around
from waiting import Call, wait_until

#: Of every step that waits for nobody else.
STEP_S = 10.0

#: How long an intrusion waits for what may have to wait for the thread it interrupts.
INTRUSION_S = 0.3

#: More lines than one change of a pipe has.
MANY = 200

#: So many that the reader meets the thread that feeds.
ECHOES = 300

#: What a select takes that finds something at once.
AT_ONCE_S = 10.0


@pytest.fixture
def pipe(paramiko: ModuleType) -> ModuleType:
    """
    Return the library's module of what channels are selected on by.
    """
    return importlib.import_module(f"{paramiko.__name__}.pipe")


def is_readable(channel: Any) -> bool:
    return bool(select.select([channel], [], [], AT_ONCE_S)[0])


def open_channel(transport: Any, command: str) -> Any:
    channel = transport.open_session(timeout=STEP_S)
    channel.settimeout(STEP_S)
    channel.exec_command(command)
    channel.fileno()
    return channel


def test_select_sees_one_stream_when_it_is_fed_as_the_other_runs_empty(
    connect_through_valve: Callable[..., Any], pipe: ModuleType
) -> None:
    transport = connect_through_valve().get_transport()

    channel: Any = None
    coming: list[Call] = []

    def read() -> bytes:
        data: bytes = channel.recv(10)
        return data

    def feed() -> None:
        channel.sendall(b"\n")
        # Who asks may have to wait for the one that feeds, and that one for this thread.
        coming.append(Call(wait_until, channel.recv_stderr_ready, STEP_S, "the other stream"))
        coming[0].blocks(INTRUSION_S)

    for line in range(1, MANY):
        channel = open_channel(transport, "echo; read line; echo >&2; exec cat")
        assert is_readable(channel)

        came = run_around([pipe], line, feed, read)

        if came:
            coming.pop().result(STEP_S)
            assert is_readable(channel), line
            assert channel.recv_stderr(10) == b"\n"
        assert not select.select([channel], [], [], 0)[0], line
        channel.close()
        if not came:
            break
    assert 1 < line < MANY - 1


def test_channel_that_is_readable_has_data(connect_through_valve: Callable[..., Any]) -> None:
    """
    What must not change: a forwarder such as sshtunnel hangs up if there is none.
    """
    channel = open_channel(connect_through_valve().get_transport(), "exec cat")
    for _ in range(ECHOES):
        channel.sendall(b"x")
        assert is_readable(channel)
        assert channel.recv_ready()
        assert channel.recv(10) == b"x"
    channel.close()


def test_connection_goes_on_when_a_channel_is_closed_as_data_comes_for_it(
    connect_through_valve: Callable[..., Any], pipe: ModuleType
) -> None:
    """
    Nor does the byte for its select go to whoever has got the descriptor since.
    """
    channel: Any = None
    closing: list[Call] = []
    taken: list[int] = []

    def close() -> None:
        # It may have to wait for the thread that this interrupts.
        closing.append(Call(channel.close))
        closing[0].blocks(INTRUSION_S)
        taken.extend(os.pipe())
        os.set_blocking(taken[0], False)

    intrusion = Intrusion([pipe], close)
    threading.settrace(intrusion.trace)
    try:
        transport = connect_through_valve().get_transport()
    finally:
        threading.settrace(None)
    for line in range(1, MANY):
        channel = open_channel(transport, "read line; echo; exec cat")
        intrusion.plan(transport, line)

        channel.sendall(b"\n")

        wait_until(channel.recv_ready, STEP_S, "the data")
        intrusion.plan(None)
        assert transport.is_active()
        if not closing:
            channel.close()
            break
        assert closing.pop().error(STEP_S) is None, intrusion.came_at
        with pytest.raises(BlockingIOError):
            os.read(taken[0], 1)
        while taken:
            os.close(taken.pop())
    assert 1 < line < MANY - 1
