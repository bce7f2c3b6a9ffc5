"""
An operator kills the proxies of a Celery worker: stock spins and hangs, the fork tells and goes on.

Each scenario is run on stock too, with the same code, and must show the defect there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.bastions import write_jumps
from e2e.conftest import Launch
from e2e.figures import Figures
from e2e.grid import PREFORK, in_every_pool, in_every_pool_and_line, in_pools
from e2e.tasks import Tasks

from paramiko_gate.servers.endpoint import Bastion, Host

#: From the death of the proxy to the failure of the task that waits for it.
TOLD_S = 2.0
#: After so long a caller on stock is believed to hang.
HANGS_S = 6.0
WINDOW_S = 5.0
#: Of each process of a worker that has nothing to do.
IDLE_CPU = 0.01
#: Of a worker in which a thread spins. The machine may be busy with other things.
SPINNING_CPU = 0.1
NEVER = float("inf")

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


@in_every_pool_and_line
def test_next_task_succeeds_when_idle_proxies_were_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    The worker is as idle as before, keeps no zombie, and connects again by itself.
    """
    worker = launch("fork", pool, line)
    assert tasks.run("echo one") == "one\n"
    assert worker.kill_proxies() >= 1

    used = worker.cpu_fractions(WINDOW_S)
    figures.note(
        "killed while idle",
        ("fork", line, pool),
        cpu=sum(used),
        left=worker.left(),
    )
    assert max(used) < IDLE_CPU
    assert worker.proxies() == []
    assert tasks.run("echo two") == "two\n"
    assert len(worker.living_proxies()) >= 1


@in_every_pool_and_line
def test_stock_spins_when_idle_proxies_were_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    The defect: a core is burned, the dead stay, and the next task hangs, or gets "Broken pipe".
    """
    worker = launch("stock", pool, line, concurrency=1)
    assert tasks.run("echo one") == "one\n"
    killed = worker.kill_proxies()

    used = worker.cpu_fractions(WINDOW_S)
    zombies = worker.zombies()
    figures.note(
        "killed while idle",
        ("stock", line, pool),
        cpu=sum(used),
        left=worker.left(),
    )
    assert max(used) > SPINNING_CPU
    # gevent reaps every child of its process.
    assert zombies == (0 if pool == "gevent" else killed)
    assert not tasks.succeeds("echo two", HANGS_S)


@in_every_pool_and_line
def test_blocked_task_fails_with_the_reason_when_its_proxy_is_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    Who waits for the result reads why, and the next task has a new connection.
    """
    worker = launch("fork", pool, line, concurrency=1)
    # The first result of a process takes seconds: Celery imports what stores it.
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()

    worker.kill_proxies()
    told_s = tasks.wait(blocked, TOLD_S)

    failure = tasks.failure(blocked)
    assert type(failure).__name__ == "ProxyCommandFailure"
    assert "was killed by signal 9 (SIGKILL)" in str(failure)
    used = worker.cpu_fractions(WINDOW_S)
    figures.note(
        "killed under a task",
        ("fork", line, pool),
        told_s=told_s,
        cpu=sum(used),
        left=worker.left(),
    )
    assert max(used) < IDLE_CPU
    assert tasks.run("echo two") == "two\n"
    worker.wait_proxies(1)


@in_every_pool_and_line
def test_stock_hangs_when_the_proxy_of_a_blocked_task_is_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    The defect: nobody is told, and a core is burned.
    """
    worker = launch("stock", pool, line)
    blocked = tasks.start_blocked()

    worker.kill_proxies()

    used = sum(worker.cpu_fractions(HANGS_S))
    figures.note(
        "killed under a task",
        ("stock", line, pool),
        told_s=NEVER,
        cpu=used,
        left=worker.left(),
    )
    assert tasks.stored(blocked) == {}
    assert used > SPINNING_CPU


@in_every_pool
def test_idle_worker_keeps_as_many_proxies_as_connections_and_uses_no_cpu(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    One proxy for each task that runs at the same time, and the same ones afterwards.
    """
    at_once = 1 if pool == "solo" else 2
    worker = launch("fork", pool, line, concurrency=at_once)
    running = [tasks.start("sleep 3") for _ in range(at_once)]
    worker.wait_proxies(at_once, limit_s=30)
    kept = {proxy.pid for proxy in worker.living_proxies()}
    for task in running:
        tasks.wait(task)

    used = worker.cpu_fractions(WINDOW_S)
    assert max(used) < IDLE_CPU
    assert tasks.run("echo again") == "again\n"
    assert {proxy.pid for proxy in worker.living_proxies()} == kept
    figures.note("idle", ("fork", line, pool), cpu=sum(used), left=worker.left())


@pytest.fixture
def jumps(bastion: Bastion, host: Host, tmp_path: Path) -> dict[str, str]:
    """
    Return settings that lead to the host through two gateways, behind the proxy command.
    """
    return {"SSH_CONFIG": str(write_jumps(tmp_path / "jumps", bastion, host))}


@in_pools(PREFORK, "gevent")
def test_task_behind_two_gateways_fails_with_the_reason_and_the_next_succeeds(
    launch: Launch,
    tasks: Tasks,
    figures: Figures,
    jumps: dict[str, str],
    pool: str,
    line: str,
) -> None:
    """
    Killed under a task, then while idle; the shutdown closes each hop.
    """
    worker = launch("fork", pool, line, concurrency=1, **jumps)
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()
    assert worker.kill_proxies() == 1
    told_s = tasks.wait(blocked, TOLD_S)
    failure = tasks.failure(blocked)
    assert type(failure).__name__ == "ProxyCommandFailure"
    assert "was killed by signal 9 (SIGKILL)" in str(failure)

    assert tasks.run("echo two") == "two\n"
    assert worker.kill_proxies() == 1
    used = worker.cpu_fractions(WINDOW_S)
    assert max(used) < IDLE_CPU
    worker.wait_proxies(0)
    assert tasks.run("echo three") == "three\n"
    worker.wait_proxies(1)
    figures.note(
        "killed behind two gateways",
        ("fork", line, pool),
        told_s=told_s,
        cpu=sum(used),
        left=worker.left(),
    )
    assert worker.shut_down() == 0
    assert worker.left() == (0, 0)


@in_pools(PREFORK)
def test_stock_hangs_when_the_proxy_of_a_task_behind_two_gateways_is_killed(
    launch: Launch,
    tasks: Tasks,
    figures: Figures,
    jumps: dict[str, str],
    pool: str,
    line: str,
) -> None:
    """
    The defect: nobody is told on the inner hop either, and a core is burned.
    """
    worker = launch("stock", pool, line, concurrency=1, **jumps)
    blocked = tasks.start_blocked()

    worker.kill_proxies()

    used = sum(worker.cpu_fractions(HANGS_S))
    figures.note(
        "killed behind two gateways",
        ("stock", line, pool),
        told_s=NEVER,
        cpu=used,
        left=worker.left(),
    )
    assert tasks.stored(blocked) == {}
    assert used > SPINNING_CPU
