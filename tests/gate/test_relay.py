"""
The relay in front of a proxy really fails in the way it is told to.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

import psutil
import pytest

from paramiko_gate import faults, measure

ECHO = ["cat"]


@contextlib.contextmanager
def started(
    command: list[str], flood_first_bytes: int = 0
) -> Iterator[tuple[faults.Relay, subprocess.Popen[bytes]]]:
    """
    Run a relay as a client would, and give its control and its process.
    """
    with faults.open_relay(command, flood_first_bytes) as relay:
        process = subprocess.Popen(
            shlex.split(relay.command),
            bufsize=0,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        streams = (process.stdin, process.stdout, process.stderr)
        try:
            relay.wait_until_started()
            yield relay, process
        finally:
            process.kill()
            process.wait()
            for stream in streams:
                assert stream is not None
                stream.close()


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    view = memoryview(data)
    while view:
        view = view[process.stdin.write(view) :]


def read(process: subprocess.Popen[bytes], size: int) -> bytes:
    """
    Read exactly so many bytes, or fewer at end of file.
    """
    assert process.stdout is not None
    data = b""
    while len(data) < size and (piece := process.stdout.read(size - len(data))):
        data += piece
    return data


def test_relay_passes_bytes_both_ways_until_input_ends() -> None:
    """Bytes come back from the real proxy, and its own status ends the relay."""
    with started(["sh", "-c", "cat; exit 5"]) as (relay, process):
        assert relay.pid == process.pid
        writer = threading.Thread(target=write, args=(process, b"x" * 300_000))
        writer.start()
        assert read(process, 300_000) == b"x" * 300_000
        writer.join(10)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 5


@pytest.mark.parametrize("status", [0, 97])
def test_relay_exits_with_the_status_it_is_told(status: int) -> None:
    """`exit N` ends the relay with that status and takes the real proxy with it."""
    with started(ECHO) as (relay, process):
        (child,) = psutil.Process(process.pid).children()
        relay.give_order(f"exit {status}")
        assert process.wait(10) == status
        assert measure.wait_for(lambda: not child.is_running(), 10)


def test_relay_lives_on_when_it_closes_its_output() -> None:
    """`close-output` gives the reader end of file while the process runs and takes input."""
    with started(ECHO) as (relay, process):
        write(process, b"hello")
        assert read(process, 5) == b"hello"
        relay.give_order("close-output")
        assert read(process, 1) == b""
        write(process, b"still taken")
        assert process.poll() is None


def test_relay_stops_relaying_when_nobody_reads_its_chatter() -> None:
    """`flood-stderr` blocks the relay like a real proxy until its standard error is read."""
    with started(ECHO) as (relay, process):
        relay.send_order("flood-stderr 1048576")
        assert not relay.await_done("flood-stderr", 0.3)
        write(process, b"hello")
        drained: list[bytes] = []
        assert process.stderr is not None
        stderr = process.stderr
        drain = threading.Thread(target=lambda: drained.append(_drain(stderr, 1_048_576)))
        drain.start()
        assert relay.await_done("flood-stderr", 10)
        assert read(process, 5) == b"hello"
        drain.join(10)
        assert len(drained[0]) == 1_048_576


def _drain(stderr: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := os.read(stderr.fileno(), 65536)):
        data += piece
    return data


def test_relay_chatters_before_it_relays_when_asked_to() -> None:
    """`--flood-first` writes that much to standard error before a byte is relayed."""
    with started(ECHO, flood_first_bytes=200_000) as (_, process):
        write(process, b"hello")
        assert process.stderr is not None
        assert len(_drain(process.stderr, 200_000)) == 200_000
        assert read(process, 5) == b"hello"


def test_relay_holds_bytes_back_between_stall_and_resume() -> None:
    """`stall` keeps everything, `resume` delivers it."""
    with started(ECHO) as (relay, process):
        relay.give_order("stall")
        write(process, b"hello")
        output = process.stdout
        assert output is not None
        os.set_blocking(output.fileno(), False)
        assert not measure.wait_for(lambda: output.read(1) is not None, 0.2)
        os.set_blocking(output.fileno(), True)
        relay.give_order("resume")
        assert read(process, 5) == b"hello"


def test_relay_ends_with_its_proxy_when_the_harness_goes_away() -> None:
    """Nothing is left running when the control connection closes."""
    with started(ECHO) as (relay, process):
        (child,) = psutil.Process(process.pid).children()
        relay.close()
        assert process.wait(10) == 1
        assert measure.wait_for(lambda: not child.is_running(), 10)


def test_relay_keeps_descriptors_from_its_proxy() -> None:
    """The real proxy holds neither the relay's output nor its control connection."""
    with started([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]) as (
        _,
        process,
    ):
        (child,) = psutil.Process(process.pid).children()
        output = os.readlink(f"/proc/{process.pid}/fd/1")
        held = [os.readlink(f"/proc/{child.pid}/fd/{n}") for n in (0, 1)]
        assert output not in held
        assert not child.net_connections()
