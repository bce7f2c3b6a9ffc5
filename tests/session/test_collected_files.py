"""
Files that the garbage collector drops at the worst moment: while their channel's lock is held.
"""

from __future__ import annotations

import gc
import importlib
import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection
from waiting import PROMPT_S, Call

Open = Callable[..., Connection]


def drop_while_sending(channel: Any) -> None:
    """
    Collect a stdin file in a thread that is inside the channel, as the collector may.
    """
    file = channel.makefile_stdin("wb")
    channel.lock.acquire()
    try:
        del file
    finally:
        channel.lock.release()


def test_sender_goes_on_when_a_file_is_collected_under_it(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    The destructor of a file does not wait for a lock that its own thread holds.

    Reproduces paramiko#2685.
    """
    channel = connect_through_valve().get_transport().open_session()
    channel.exec_command("cat")

    Call(drop_while_sending, channel).result(PROMPT_S)

    # The sending side is shut down, as dropping the file does at any other moment.
    assert Call(channel.recv_exit_status).result(PROMPT_S) == 0
    assert channel.eof_sent


@pytest.mark.fault
def test_sender_goes_on_when_a_file_is_collected_after_the_death(open_connection: Open) -> None:
    """
    The same on a connection whose proxy is dead, where tracebacks keep files until collected.
    """
    connection = open_connection()
    channel = connection.run()
    connection.strike_and_wait()

    Call(drop_while_sending, channel).result(PROMPT_S)


def test_file_whose_buffer_was_collected_first_ends_in_silence(
    paramiko: ModuleType, printed: list[str]
) -> None:
    """
    In a cycle, such as that of a traceback, the collector may close the buffer before the file.

    There is nothing to write then. Stock prints a `ValueError`.
    """

    module = importlib.import_module(f"{paramiko.__name__}.file")

    class Written(module.BufferedFile):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self._set_mode("wb", 100)

    class Buffer(io.BytesIO):
        file: Any = None

    buffer = Buffer()
    written = Written()
    buffer.file, written._wbuffer = written, buffer
    del buffer, written
    gc.collect()
    assert printed == []
