"""
The bastion ends a worker's sessions, falls silent, or is rebooted.

Each scenario is run on stock too, with the same code, and must show the defect there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.bastions import brought_up, kill_sessions, stopped, take_down, write_config
from e2e.conftest import Launch
from e2e.figures import Figures
from e2e.grid import in_every_pool, in_every_pool_and_line
from e2e.tasks import Tasks
from e2e.test_dead_proxies import HANGS_S, NEVER, TOLD_S

from paramiko_gate.servers.endpoint import Bastion, Site

KEEPALIVE = {"KEEPALIVE_S": "1", "KEEPALIVE_COUNT": "3"}
#: When a bastion that is silent has been given up, with these settings.
GIVEN_UP_S = 1 * 3 + 2.0
#: With two seconds to spare: the worker of stock would have been told by now.
SILENT_S = GIVEN_UP_S + 2.0

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


@in_every_pool_and_line
def test_blocked_task_fails_with_the_last_words_when_the_bastion_ends_its_session(
    launch: Launch, tasks: Tasks, figures: Figures, bastion: Bastion, pool: str, line: str
) -> None:
    """
    The proxy exits by itself, and its status and stderr are in the result.
    """
    worker = launch("fork", pool, line, concurrency=1)
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()

    assert kill_sessions(bastion) >= 1
    told_s = tasks.wait(blocked, TOLD_S)

    failure = tasks.failure(blocked)
    assert type(failure).__name__ == "ProxyCommandFailure"
    assert "exited with status 255: " in str(failure)
    figures.note(
        "session ended by the bastion",
        ("fork", line, pool),
        told_s=told_s,
        left=worker.left(),
    )
    assert tasks.run("echo two") == "two\n"
    worker.wait_proxies(1)


@in_every_pool
def test_stock_hangs_when_the_bastion_ends_its_session(
    launch: Launch, tasks: Tasks, figures: Figures, bastion: Bastion, pool: str, line: str
) -> None:
    """
    The defect: nobody is told.
    """
    worker = launch("stock", pool, line, concurrency=1)
    blocked = tasks.start_blocked()

    assert kill_sessions(bastion) >= 1

    used = sum(worker.cpu_fractions(HANGS_S))
    figures.note(
        "session ended by the bastion",
        ("stock", line, pool),
        told_s=NEVER,
        cpu=used,
        left=worker.left(),
    )
    assert tasks.stored(blocked) == {}


@in_every_pool_and_line
def test_blocked_task_fails_when_the_bastion_falls_silent(
    launch: Launch, tasks: Tasks, figures: Figures, bastion: Bastion, pool: str, line: str
) -> None:
    """
    It is given up after as many keepalives as were agreed on, and the error says so.
    """
    worker = launch("fork", pool, line, concurrency=1, **KEEPALIVE)
    assert tasks.run("echo one") == "one\n"
    blocked = tasks.start_blocked()

    with stopped(bastion):
        told_s = tasks.wait(blocked, GIVEN_UP_S)
        failure = tasks.failure(blocked)
        # The proxy of the connection that was given up does not wait for its bastion.
        worker.wait_proxies(0)

    assert "keepalive" in str(failure)
    figures.note(
        "bastion stopped",
        ("fork", line, pool),
        told_s=told_s,
        left=worker.left(),
    )
    assert tasks.run("echo two") == "two\n"
    worker.wait_proxies(1)


@in_every_pool
def test_stock_hangs_when_the_bastion_falls_silent(
    launch: Launch, tasks: Tasks, figures: Figures, bastion: Bastion, pool: str, line: str
) -> None:
    """
    The defect: it sends keepalives, and does not mind that nobody answers.
    """
    worker = launch("stock", pool, line, concurrency=1, **KEEPALIVE)
    blocked = tasks.start_blocked()

    with stopped(bastion):
        assert tasks.is_silent(blocked, SILENT_S)
        figures.note(
            "bastion stopped",
            ("stock", line, pool),
            told_s=NEVER,
            left=worker.left(),
        )


def launch_at(launch: Launch, site: Site, folder: Path, library: str, pool: str, line: str) -> None:
    """
    Start a worker that goes through a bastion of the test's own.
    """
    config = write_config(folder / "own_ssh_config", site.bastion, site.host)
    settings = {"SSH_CONFIG": str(config), "KNOWN_HOSTS": str(site.host.known_hosts)}
    launch(library, pool, line, concurrency=1, **settings)


@in_every_pool_and_line
def test_next_task_succeeds_when_the_bastion_was_rebooted(
    launch: Launch, tasks: Tasks, own_site: Site, tmp_path: Path, pool: str, line: str
) -> None:
    """
    While it is down a task fails with what the proxy said, and once it is up they succeed again.
    """
    launch_at(launch, own_site, tmp_path, "fork", pool, line)
    assert tasks.run("echo one") == "one\n"

    take_down(own_site.bastion)
    refused = tasks.start("echo nobody")
    tasks.wait(refused)
    assert "Connection refused" in str(tasks.failure(refused))

    with brought_up(own_site.bastion):
        assert tasks.run("echo two") == "two\n"


@in_every_pool
def test_stock_loses_the_next_task_when_the_bastion_was_rebooted(
    launch: Launch, tasks: Tasks, own_site: Site, tmp_path: Path, pool: str, line: str
) -> None:
    """
    The defect: it is sent over the connection that was lost, and hangs, or gets "Broken pipe".
    """
    launch_at(launch, own_site, tmp_path, "stock", pool, line)
    assert tasks.run("echo one") == "one\n"

    take_down(own_site.bastion)
    with brought_up(own_site.bastion):
        assert not tasks.succeeds("echo two", HANGS_S)
