"""
What becomes of tasks when workers and proxies are killed: what `acks_late` says, and nothing else.

Each command writes a line on the host when it starts, so that a second run is seen.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from e2e.conftest import Launch
from e2e.grid import POOLS, PREFORK, in_every_pool, in_pools
from e2e.libraries import NEWEST
from e2e.tasks import Tasks
from waiting import wait_until

MANY = 20
VISIBLE_S = 3.0
LATE = {"ACKS_LATE": "1", "VISIBILITY_TIMEOUT_S": str(VISIBLE_S)}

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


class Runs:
    """
    Count how often commands were started on the host.

    :param Path file: gets a line for each
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def command(self, name: str, then: str) -> str:
        """Return a command that says that it runs and then does something."""
        return f"echo {name} >> {self.file}; {then}"

    def ends_the_second_time(self) -> str:
        """Return what does not end when it is run for the first time."""
        return f"mkdir {self.file}-once 2>/dev/null && sleep 600; true"

    def names(self) -> list[str]:
        """Return what was run until now, in order."""
        return self.file.read_text("utf-8").split()

    def wait(self, count: int, limit_s: float) -> None:
        """Return when so many have been started."""
        wait_until(lambda: len(self.names()) >= count, limit_s, f"run {count}: {self.names()}")


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """
    Return a count of none.
    """
    return Runs(tmp_path / "runs")


@in_every_pool
def test_no_task_is_lost_or_run_twice_when_proxies_are_killed(
    launch: Launch, tasks: Tasks, runs: Runs, pool: str, line: str
) -> None:
    """
    Each of many is answered once, and was started at most once, whatever was killed under it.
    """
    worker = launch("fork", pool, line)
    assert tasks.run("echo one") == "one\n"
    names = [f"task-{number}" for number in range(MANY)]
    sent = {name: tasks.start(runs.command(name, "sleep 0.3")) for name in names}
    for at in (3, 8, 13):
        runs.wait(at, 60)
        assert worker.kill_proxies() >= 1

    ends = {}
    for name, task in sent.items():
        tasks.wait(task, 60)
        ends[name] = tasks.stored(task)["status"]

    ran = runs.names()
    assert len(ran) == len(set(ran)), "none was run twice"
    assert {name for name, end in ends.items() if end == "SUCCESS"} <= set(ran)
    failed = [name for name, end in ends.items() if end == "FAILURE"]
    assert 1 <= len(failed) <= 6, "those under which a proxy was killed, and no other"
    for name in failed:
        assert "SIGKILL" in str(tasks.failure(sent[name]))
    worker.wait_proxies(len(worker.living_proxies()))


@in_pools(PREFORK)
@pytest.mark.parametrize("settings", [{}, LATE], ids=["early", "late"])
def test_task_whose_process_is_killed_is_run_again_only_with_acks_late(
    launch: Launch, tasks: Tasks, runs: Runs, pool: str, line: str, settings: dict[str, str]
) -> None:
    """
    A process of the pool is killed in the middle of a task, and its proxy ends with it.
    """
    worker = launch("fork", pool, line, 1, **settings)
    assert tasks.run("echo one") == "one\n"
    task = tasks.start(runs.command("run", runs.ends_the_second_time()))
    runs.wait(1, 30)
    (process,) = worker.pool()

    process.kill()
    tasks.wait(task)

    if settings:
        assert tasks.stored(task)["status"] == "SUCCESS"
        assert runs.names() == ["run", "run"]
        worker.wait_proxies(1)
    else:
        assert type(tasks.failure(task)).__name__ == "WorkerLostError"
        assert runs.names() == ["run"]
        worker.wait_proxies(0)


# A cold shutdown waits for the task in the other pools; and with gevent kombu has no event loop, in
# which it looks for what a worker has left that vanished.
@pytest.mark.parametrize(
    ("how", "pool"),
    [
        (signal.SIGQUIT, PREFORK),
        (signal.SIGKILL, PREFORK),
        (signal.SIGKILL, "threads"),
        (signal.SIGKILL, "solo"),
    ],
    ids=lambda value: f"{value}-{NEWEST}" if value in POOLS else value.name,
)
def test_task_of_a_worker_that_ends_is_run_again_with_acks_late(
    launch: Launch, tasks: Tasks, runs: Runs, pool: str, how: signal.Signals
) -> None:
    """
    Another worker runs it a second time and answers once; the proxy of the first has ended.
    """
    first = launch("fork", pool, NEWEST, 1, **LATE)
    assert tasks.run("echo one") == "one\n"
    task = tasks.start(runs.command("run", runs.ends_the_second_time()))
    runs.wait(1, 30)
    started = time.monotonic()

    if how == signal.SIGKILL:
        first.kill()
    else:
        first.shut_down(how)
    first.wait_proxies(0)
    # A worker looks for what others have left when it starts, and then every 100 seconds.
    wait_until(lambda: time.monotonic() > started + VISIBLE_S, 2 * VISIBLE_S, "the time-out")
    launch("fork", pool, NEWEST, 1, **LATE)

    tasks.wait(task)
    assert tasks.stored(task)["status"] == "SUCCESS"
    assert runs.names() == ["run", "run"]
