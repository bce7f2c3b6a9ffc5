"""
The measuring tools tell what processes of known behaviour do.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from waiting import wait_until

from paramiko_gate import measure

SPINS = "while True: pass"
RESTS = "import sys; sys.stdin.read()"
WAKES_OFTEN = "import time\nwhile True: time.sleep(0.01)"
HAS_ZOMBIE = "import subprocess; p = subprocess.Popen(['true']); print('more', flush=True)"


@contextlib.contextmanager
def running(source: str) -> Iterator[int]:
    """
    Run a program until the block is left, and give its process id once it has begun.
    """
    program = f"print('ready', flush=True)\n{source}\nimport sys; sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def measured(source: str) -> measure.Window:
    """
    Return a closed window of half a second on a program.
    """
    with running(source) as pid:
        window = measure.Window(pid)
        window.close(0.5)
        return window


def read_scheduled_s(pid: int) -> float:
    """
    Return the CPU time of a process by the scheduler's own clock, which counts in nanoseconds.
    """
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9


def test_window_reads_what_the_scheduler_gave_when_process_spins() -> None:
    """A program that spins uses a core, or what a busy machine leaves it of one."""
    with running(SPINS) as pid:
        before_s = read_scheduled_s(pid)
        window = measure.Window(pid)
        # How long that takes is the other programs' doing.
        wait_until(lambda: read_scheduled_s(pid) - before_s >= 0.5, 30, "half a second of CPU")
        window.close(1.0)
        scheduled_s = read_scheduled_s(pid) - before_s
    assert window.length_s >= 1.0
    assert window.cpu_fraction == pytest.approx(scheduled_s / window.length_s, abs=0.05)
    assert 0.45 < window.cpu_fraction * window.length_s < 1.05 * window.length_s


def test_window_reads_nothing_when_process_rests() -> None:
    """A program that waits for input uses no CPU and does not wake up."""
    window = measured(RESTS)
    assert window.cpu_fraction <= 0.04
    assert window.wakeups <= 2


def test_window_counts_wakeups_when_process_polls() -> None:
    """A program that wakes a hundred times a second is seen although it uses little CPU."""
    window = measured(WAKES_OFTEN)
    assert 10 <= window.wakeups <= 60
    assert window.cpu_fraction < 0.2


def test_count_holdings_tells_zombie_from_living_child() -> None:
    """A child that ended and was not reaped is a zombie; one that runs is a child."""
    with running(HAS_ZOMBIE) as pid:
        assert measure.wait_for(lambda: measure.count_holdings(pid).zombies == 1, 10)
        assert measure.count_holdings(pid).children == 0
    with running("import subprocess; p = subprocess.Popen(['sleep', '50'])") as pid:
        assert measure.wait_for(lambda: measure.count_holdings(pid).children == 1, 10)
        child = psutil.Process(pid).children()[0]
        assert measure.count_holdings(pid).zombies == 0
        child.kill()


def test_count_holdings_sees_descriptors_and_threads() -> None:
    """What a program opens and starts is counted beyond what it had before."""
    opened = "import os, threading, time\nfor _ in range(5): os.dup(1)\n"
    started = "for _ in range(3): threading.Thread(target=time.sleep, args=(50,)).start()"
    with running(RESTS) as resting, running(opened + started) as pid:
        before = measure.count_holdings(resting)

        def seen() -> bool:
            left = measure.count_holdings(pid).beyond(before)
            return (left.descriptors, left.threads) == (5, 3)

        assert measure.wait_for(seen, 10)


def test_wait_until_released_returns_what_is_left_when_time_is_up() -> None:
    """Holdings that do not go away are returned after the given time, not waited for."""
    nothing = measure.Holdings(children=0, zombies=0, descriptors=0, threads=0)
    with running(RESTS) as pid:
        left = measure.wait_until_released(pid, nothing, 0.05)
    assert left.descriptors == 3
    assert left.threads == 1
    assert str(left) == "3 descriptors, 1 thread"


@pytest.mark.parametrize(("source", "asleep"), [(RESTS, True), (SPINS, False)])
def test_wait_until_asleep_tells_waiting_from_running(source: str, asleep: bool) -> None:
    """A thread that waits is at rest, one that runs is not."""
    with running(source) as pid:
        assert measure.wait_until_asleep(pid, pid, 2.0 if asleep else 0.3) is asleep
