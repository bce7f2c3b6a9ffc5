"""
A worker ends, or its pool's processes do, in each of Celery's ways: no proxy outlives its owner.
"""

from __future__ import annotations

import signal

import pytest
from e2e.conftest import Launch
from e2e.figures import Figures
from e2e.grid import PREFORK, in_every_pool_and_line, in_pools
from e2e.tasks import Tasks
from e2e.test_dead_proxies import HANGS_S

SOFT_LIMIT_S = 2

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


@in_every_pool_and_line
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_no_proxy_is_left_when_worker_shuts_down(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str, how: signal.Signals
) -> None:
    """
    A warm shutdown closes the connections, and after a cold one the proxies end by themselves.
    """
    worker = launch("fork", pool, line)
    assert tasks.run("echo one") == "one\n"
    assert worker.living_proxies()

    worker.shut_down(how)

    worker.wait_proxies(0)
    figures.note(f"shutdown by {how.name}", ("fork", line, pool), left=worker.left())


@in_pools(PREFORK, "gevent")
def test_no_proxy_is_left_when_worker_shuts_down_in_the_middle_of_a_task(
    launch: Launch, tasks: Tasks, pool: str, line: str
) -> None:
    """
    A cold shutdown does not wait for the command; in the other pools Celery itself would.
    """
    worker = launch("fork", pool, line, concurrency=1)
    assert tasks.run("echo one") == "one\n"
    tasks.start_blocked()

    worker.shut_down(signal.SIGQUIT)

    worker.wait_proxies(0)


@in_pools("prefork", "threads", "solo", "gevent")
def test_no_proxy_is_left_when_worker_is_killed(
    launch: Launch, tasks: Tasks, pool: str, line: str
) -> None:
    """
    Nobody can close anything any more, and the proxies end because their input does.
    """
    worker = launch("fork", pool, line)
    assert tasks.run("echo one") == "one\n"

    worker.kill()

    worker.wait_proxies(0)


@in_pools(PREFORK)
def test_worker_that_spins_on_stock_does_not_shut_down_clean(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    The defect: a blocked task whose proxy was killed never ends, so neither does a warm shutdown.
    """
    worker = launch("stock", pool, line, concurrency=1)
    tasks.start_blocked()
    worker.kill_proxies()

    assert not worker.shuts_down(signal.SIGTERM, HANGS_S)
    figures.note("shutdown by SIGTERM, after a kill", ("stock", line, pool), told_s=float("inf"))


@in_pools(PREFORK)
def test_worker_whose_proxies_were_killed_shuts_down_clean(
    launch: Launch, tasks: Tasks, pool: str, line: str
) -> None:
    """
    The task has failed, so there is nothing to wait for.
    """
    worker = launch("fork", pool, line, concurrency=1)
    assert tasks.run("echo one") == "one\n"
    tasks.start_blocked()
    worker.kill_proxies()

    assert worker.shuts_down(signal.SIGTERM, HANGS_S)
    worker.wait_proxies(0)


@in_pools(PREFORK)
def test_process_that_has_done_its_tasks_takes_its_proxy_along(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    With `max_tasks_per_child` each new process of the pool has a connection of its own.
    """
    worker = launch("fork", pool, line, 1, ("--max-tasks-per-child", "2"))
    owners = []
    for number in range(5):
        assert tasks.run(f"echo {number}") == f"{number}\n"
        # None after the last task of a process: its connection is closed when it ends.
        worker.wait_proxies((number + 1) % 2)
        owners += [proxy.ppid() for proxy in worker.living_proxies()]

    assert len(set(owners)) == 3, "three processes for five tasks"
    figures.note("max_tasks_per_child", ("fork", line, pool), left=worker.left())


@in_pools(PREFORK, "gevent")
def test_revoked_task_ends_with_its_proxy(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    Revoked with terminate in the middle of a command; the next task has a new connection.
    """
    worker = launch("fork", pool, line, concurrency=1)
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()

    tasks.revoke(blocked)
    told_s = tasks.wait(blocked)
    worker.wait_proxies(0)

    assert tasks.stored(blocked)["status"] == "REVOKED"
    figures.note(
        "revoked with terminate",
        ("fork", line, pool),
        told_s=told_s,
        left=worker.left(),
    )
    assert tasks.run("echo two") == "two\n"
    worker.wait_proxies(1)


@in_pools(PREFORK)
def test_task_over_its_soft_time_limit_closes_its_connection(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str, line: str
) -> None:
    """
    Nobody knows what of the command is still on its way; the next task has a new connection.
    """
    worker = launch("fork", pool, line, 1, ("--soft-time-limit", str(SOFT_LIMIT_S)))
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()

    told_s = tasks.wait(blocked, SOFT_LIMIT_S + HANGS_S)
    worker.wait_proxies(0)

    assert type(tasks.failure(blocked)).__name__ == "SoftTimeLimitExceeded"
    figures.note(
        "soft time limit of 2 s",
        ("fork", line, pool),
        told_s=told_s,
        left=worker.left(),
    )
    assert tasks.run("echo two") == "two\n"
    worker.wait_proxies(1)
