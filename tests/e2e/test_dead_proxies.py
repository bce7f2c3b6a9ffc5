"""
An operator kills the proxies of a Celery worker: stock spins and hangs, the fork tells and goes on.

Each scenario is run on stock too, with the same code, and must show the defect there.
"""

from __future__ import annotations

import secrets
import signal

import psutil
import pytest
from e2e.conftest import Launch
from e2e.tasks import Tasks
from waiting import GONE_S, is_running, wait_until

POOLS = ["prefork", "threads", "solo", "gevent"]

#: For a task that connects first, on a loaded machine.
RUN_S = 30.0
#: From the death of the proxy to the failure of the task that waits for it.
TOLD_S = 2.0
#: After so long a caller on stock is believed to hang.
HANGS_S = 6.0
WINDOW_S = 3.0
IDLE_CPU = 0.02
#: Of a thread that spins. The machine may be busy with other things.
SPINNING_CPU = 0.2

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


def start_blocked(tasks: Tasks) -> str:
    """
    Start a command that does not end, and return when the host runs it.
    """
    command = ["sleep", f"600.{secrets.randbelow(10**9)}"]

    def runs() -> bool:
        return any(
            process.info["cmdline"] == command for process in psutil.process_iter(["cmdline"])
        )

    blocked = tasks.start(f"exec {' '.join(command)}")
    wait_until(runs, RUN_S, "the command on the host")
    return blocked


@pytest.mark.parametrize("pool", POOLS)
def test_next_task_succeeds_when_idle_proxies_were_killed(
    launch: Launch, tasks: Tasks, pool: str
) -> None:
    """
    The worker is as idle as before, keeps no zombie, and connects again by itself.
    """
    worker = launch("fork", pool)
    assert tasks.run("echo one", RUN_S) == "one\n"
    assert worker.kill_proxies() >= 1

    assert worker.cpu_fraction(WINDOW_S) < IDLE_CPU
    assert worker.proxies() == []
    assert tasks.run("echo two", RUN_S) == "two\n"
    assert len(worker.living_proxies()) >= 1


@pytest.mark.parametrize("pool", POOLS)
def test_stock_spins_when_idle_proxies_were_killed(launch: Launch, tasks: Tasks, pool: str) -> None:
    """
    The defect: a core is burned, the dead stay, and the next task on that connection hangs.
    """
    worker = launch("stock", pool)
    assert tasks.run("echo one", RUN_S) == "one\n"
    killed = worker.kill_proxies()

    assert worker.cpu_fraction(WINDOW_S) > SPINNING_CPU
    assert worker.zombies() == killed


@pytest.mark.parametrize("pool", POOLS)
def test_blocked_task_fails_with_the_reason_when_its_proxy_is_killed(
    launch: Launch, tasks: Tasks, pool: str
) -> None:
    """
    Who waits for the result reads why, and the next task has a new connection.
    """
    worker = launch("fork", pool, concurrency=1)
    # The first result of a process takes seconds: Celery imports what stores it.
    assert tasks.run("echo one", RUN_S) == "one\n"
    blocked = start_blocked(tasks)

    worker.kill_proxies()
    wait_until(lambda: tasks.stored(blocked), TOLD_S, "the failure of the task")

    failure = tasks.failure(blocked)
    assert type(failure).__name__ == "ProxyCommandFailure"
    assert "was killed by signal 9 (SIGKILL)" in str(failure)
    assert tasks.run("echo two", RUN_S) == "two\n"


@pytest.mark.parametrize("pool", POOLS)
def test_stock_hangs_when_the_proxy_of_a_blocked_task_is_killed(
    launch: Launch, tasks: Tasks, pool: str
) -> None:
    """
    The defect: nobody is told.
    """
    worker = launch("stock", pool)
    blocked = start_blocked(tasks)

    worker.kill_proxies()

    with pytest.raises(AssertionError, match="not within"):
        wait_until(lambda: tasks.stored(blocked), HANGS_S, "an answer")


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_no_proxy_is_left_when_worker_shuts_down(
    launch: Launch, tasks: Tasks, pool: str, how: signal.Signals
) -> None:
    """
    A warm shutdown closes the connections, and after a cold one the proxies end by themselves.
    """
    worker = launch("fork", pool)
    assert tasks.run("echo one", RUN_S) == "one\n"
    proxies = worker.living_proxies()
    assert proxies

    worker.shut_down(how)

    for proxy in proxies:
        wait_until(lambda proxy=proxy: not is_running(proxy.pid), GONE_S, "the end of all proxies")
