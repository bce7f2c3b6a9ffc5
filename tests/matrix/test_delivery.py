"""
What was relayed before the fault is delivered first, to the byte, and nothing more.

The output of one command is cut at every kind of place: between messages, in the length of one, in
its text, and before and after the end of the stream and the exit status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from matrix.scene import STEP_S, Scene
from session.connection import raised
from waiting import Call, wait_until

#: Until a call on the dead connection has an answer.
ANSWER_S = 2.0

#: Three lines, each a message of its own, and then an exit status.
LINES = (b"first\n", b"second\n", b"third\n")
COMMAND = "read a; echo $a; read a; echo $a; read a; echo $a; read a; exit 3"


@dataclass(frozen=True)
class Lengths:
    """
    Say how many bytes of the server's each step of the command takes.

    :param tuple lines: of the message with each line
    :param int end: of the end of the stream, the exit status and the close, together
    """

    lines: tuple[int, ...]
    end: int


@dataclass
class Run:
    """
    Hold a run of the command whose output waits at the proxy, to the last byte.
    """

    channel: Any
    lengths: Lengths


@pytest.fixture
def run(scene: Scene) -> Run:
    """
    Run the command twice: once to measure each step, once with everything held back.
    """
    lengths = measure(scene)
    channel = scene.transport.open_session(timeout=STEP_S)
    channel.exec_command(COMMAND)
    scene.stand_in.do("hold")
    awaited = 0
    for line, length in zip(LINES, lengths.lines):
        channel.sendall(line)
        awaited += length
        scene.stand_in.wait_held(awaited)
    channel.sendall(b"go\n")
    scene.stand_in.wait_held(awaited + lengths.end)
    assert scene.stand_in.held() == awaited + lengths.end
    scene.channel = channel
    return Run(channel, lengths)


def measure(scene: Scene) -> Lengths:
    """
    Return how many bytes each step takes; the same command takes the same again.
    """
    channel = scene.running(COMMAND)
    counts = [scene.stand_in.relayed()]
    for line in LINES:
        channel.sendall(line)
        channel.settimeout(STEP_S)
        assert channel.recv(100) == line
        counts.append(scene.stand_in.relayed())
    channel.sendall(b"go\n")
    wait_until(lambda: channel.closed, STEP_S, "the end of the command")
    counts.append(scene.stand_in.relayed())
    steps = [later - earlier for earlier, later in zip(counts, counts[1:])]
    return Lengths(tuple(steps[:-1]), steps[-1])


class Reader:
    """
    Receive from a channel until it ends or fails; what it got is in ``received``.
    """

    def __init__(self, channel: Any) -> None:
        self.received = b""
        self._channel = channel
        self.call = Call(self._read)

    def _read(self) -> None:
        while piece := self._channel.recv(100):
            self.received += piece


@pytest.mark.fault
@pytest.mark.parametrize("more", [0, 2, 20], ids=["between", "in-header", "in-packet"])
@pytest.mark.parametrize("whole", range(len(LINES) + 1))
def test_whole_messages_before_the_cut_are_delivered(
    scene: Scene, run: Run, whole: int, more: int
) -> None:
    """
    Each message that passed the proxy as a whole is read, then the failure; of the cut one nothing.
    """
    reader = Reader(run.channel)
    status = Call(run.channel.recv_exit_status)

    size = sum(run.lengths.lines[:whole]) + more
    scene.stand_in.order(f"pass {size}", "exit 98 cut off")

    for call in (reader.call, status):
        error = raised(call, ANSWER_S)
        assert type(error) is scene.paramiko.ProxyCommandFailure, error
        assert getattr(error, "returncode", "missing") == 98
    assert reader.received == b"".join(LINES[:whole])


@pytest.mark.fault
def test_end_of_stream_and_status_that_arrived_are_returned(scene: Scene, run: Run) -> None:
    """
    A command that had ended before the cut has ended properly: no error, and its status.
    """
    reader = Reader(run.channel)
    status = Call(run.channel.recv_exit_status)

    size = sum(run.lengths.lines) + run.lengths.end
    scene.stand_in.order(f"pass {size}", "exit 98 cut off")

    assert reader.call.error(ANSWER_S) is None
    assert reader.received == b"".join(LINES)
    assert status.result(ANSWER_S) == 3
    wait_until(lambda: not scene.transport.is_active(), ANSWER_S, "an inactive transport")
    assert run.channel.recv(10) == b""
    assert run.channel.recv_exit_status() == 3
