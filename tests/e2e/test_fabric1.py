"""
The worker in the style of Fabric 1, on the line 2.12.0: a global cache of connections.

Each scenario is run on stock too, with the same code, and must show the defect there.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from e2e.bastions import kill_sessions, write_config
from e2e.conftest import Launch
from e2e.figures import Figures
from e2e.libraries import OLDEST
from e2e.tasks import Tasks
from e2e.test_dead_proxies import HANGS_S, IDLE_CPU, NEVER, SPINNING_CPU, TOLD_S, WINDOW_S

from paramiko_gate.servers.endpoint import Bastion, Host

HOSTS = tuple(f"db{number}" for number in range(1, 7))
KEEP = {"KEEP_CONNECTIONS": "1"}

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.slow,
    pytest.mark.parametrize("pool", ["prefork", "solo"], ids=lambda pool: f"{pool}-{OLDEST}"),
]


@pytest.fixture
def many_hosts(bastion: Bastion, host: Host, tmp_path: Path) -> dict[str, str]:
    """
    Return settings with six hosts, whose keys are known.
    """
    config = write_config(tmp_path / "many_hosts", bastion, host, HOSTS)
    known = tmp_path / "many_known_hosts"
    lines = (f"[{name}.internal]:{host.port} {host.host_key}\n" for name in HOSTS)
    known.write_text("".join(lines), "ascii")
    return {"SSH_CONFIG": str(config), "KNOWN_HOSTS": str(known)}


@pytest.mark.parametrize("library", ["stock", "fork"])
def test_proxies_become_more_with_each_host_when_nobody_disconnects(
    launch: Launch,
    tasks: Tasks,
    figures: Figures,
    many_hosts: dict[str, str],
    pool: str,
    library: str,
) -> None:
    """
    Fabric 1 caches a connection for each host and closes none: no library can know better.
    """
    worker = launch(library, pool, OLDEST, 1, **many_hosts, **KEEP)
    for count, name in enumerate(HOSTS, 1):
        assert tasks.run("echo one", host=name) == "one"
        assert len(worker.living_proxies()) == count
    figures.note(
        "six hosts, no disconnect_all",
        (library, OLDEST, pool),
        left=worker.left(),
    )


def test_no_proxy_is_left_after_each_task_when_it_disconnects(
    launch: Launch, tasks: Tasks, figures: Figures, many_hosts: dict[str, str], pool: str
) -> None:
    """
    The cure, which is the application's: `disconnect_all` after each task.
    """
    worker = launch("fork", pool, OLDEST, **many_hosts)
    for name in HOSTS:
        assert tasks.run("echo one", host=name) == "one"
        worker.wait_proxies(0)
    figures.note("six hosts, disconnect_all", ("fork", OLDEST, pool), left=worker.left())


def test_stock_spins_when_the_crowd_was_killed(
    launch: Launch, tasks: Tasks, figures: Figures, many_hosts: dict[str, str], pool: str
) -> None:
    """
    The defect: a core is burned, the dead stay, and the next task is lost.
    """
    worker = launch("stock", pool, OLDEST, 1, **many_hosts, **KEEP)
    for name in HOSTS:
        assert tasks.run("echo one", host=name) == "one"

    killed = worker.kill_proxies()

    used = sum(worker.cpu_fractions(WINDOW_S))
    zombies = worker.zombies()
    figures.note(
        "killed while idle",
        ("stock", OLDEST, pool),
        cpu=used,
        left=worker.left(),
    )
    assert used > SPINNING_CPU
    assert zombies == killed == len(HOSTS)
    task = tasks.start("echo two", host=HOSTS[0])
    assert tasks.is_silent(task, HANGS_S) or tasks.stored(task)["status"] == "FAILURE"


def test_worker_is_idle_when_the_crowd_was_killed(
    launch: Launch, tasks: Tasks, figures: Figures, many_hosts: dict[str, str], pool: str
) -> None:
    """
    No core is burned and no zombie is kept; Fabric 1 does not reconnect, but it says why.
    """
    worker = launch("fork", pool, OLDEST, 1, **many_hosts, **KEEP)
    for name in HOSTS:
        assert tasks.run("echo one", host=name) == "one"

    assert worker.kill_proxies() == len(HOSTS)

    used = worker.cpu_fractions(WINDOW_S)
    figures.note(
        "killed while idle",
        ("fork", OLDEST, pool),
        cpu=sum(used),
        left=worker.left(),
    )
    assert max(used) < IDLE_CPU
    worker.wait_proxies(0)
    task = tasks.start("echo two", host=HOSTS[0])
    tasks.wait(task)
    assert "was killed by signal 9 (SIGKILL)" in str(tasks.failure(task))


def test_blocked_task_fails_with_the_reason_when_its_proxy_is_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str
) -> None:
    """
    Who waits for the result reads why, and the next task has a new connection.
    """
    worker = launch("fork", pool, OLDEST, 1)
    assert tasks.run("echo one") == "one"
    blocked = tasks.start_blocked()

    worker.kill_proxies()
    told_s = tasks.wait(blocked, TOLD_S)

    failure = tasks.failure(blocked)
    assert type(failure).__name__ == "ProxyCommandFailure"
    assert "was killed by signal 9 (SIGKILL)" in str(failure)
    worker.wait_proxies(0)
    figures.note(
        "killed under a task",
        ("fork", OLDEST, pool),
        told_s=told_s,
        left=worker.left(),
    )
    assert tasks.run("echo two") == "two"


def test_blocked_task_fails_when_the_bastion_ends_its_session(
    launch: Launch, tasks: Tasks, figures: Figures, bastion: Bastion, pool: str
) -> None:
    """
    The proxy exits by itself, and its status is in the result.
    """
    worker = launch("fork", pool, OLDEST, 1)
    assert tasks.run("echo one") == "one"
    blocked = tasks.start_blocked()

    assert kill_sessions(bastion) >= 1
    told_s = tasks.wait(blocked, TOLD_S)

    assert "exited with status 255: " in str(tasks.failure(blocked))
    figures.note("session ended by the bastion", ("fork", OLDEST, pool), told_s=told_s)
    assert tasks.run("echo two") == "two"
    worker.wait_proxies(0)


def test_stock_hangs_when_the_proxy_of_a_blocked_task_is_killed(
    launch: Launch, tasks: Tasks, figures: Figures, pool: str
) -> None:
    """
    The defect: nobody is told, also where each task disconnects at its end, which never comes.
    """
    worker = launch("stock", pool, OLDEST, 1)
    blocked = tasks.start_blocked()

    worker.kill_proxies()

    used = sum(worker.cpu_fractions(HANGS_S))
    figures.note(
        "killed under a task",
        ("stock", OLDEST, pool),
        told_s=NEVER,
        cpu=used,
        left=worker.left(),
    )
    assert tasks.stored(blocked) == {}
    assert used > SPINNING_CPU


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_no_proxy_is_left_when_worker_shuts_down(
    launch: Launch, tasks: Tasks, pool: str, how: signal.Signals
) -> None:
    """
    Also of the connections that are kept.
    """
    worker = launch("fork", pool, OLDEST, **KEEP)
    assert tasks.run("echo one") == "one"
    assert worker.living_proxies()

    worker.shut_down(how)

    worker.wait_proxies(0)
