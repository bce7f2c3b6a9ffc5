"""
The whole of it: a bastion, a host, Redis, and a Celery worker with stock or with the fork.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Test modules import `e2e.tasks` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from checkout import ROOT
from e2e.bastions import write_config
from e2e.broker import clear, run_redis
from e2e.figures import Figures
from e2e.libraries import NEWEST, OLDEST, Libraries
from e2e.tasks import Tasks
from e2e.worker_process import Worker
from made_once import folder_of_run

from paramiko_gate.errors import GateError
from paramiko_gate.servers.endpoint import Bastion, Host, Site
from paramiko_gate.servers.openssh import run_site

EXAMPLE = ROOT / "examples" / "celery_fabric"

Launch = Callable[..., Worker]


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the options that keep the environments for the next run, and the figures.
    """
    group = parser.getgroup("paramiko-patched")
    group.addoption(
        "--environments",
        type=Path,
        metavar="DIR",
        help="keep the workers' environments there, and take those that are there already",
    )
    group.addoption(
        "--figures",
        type=Path,
        metavar="FILE",
        help="write what the scenarios measured, as a markdown table",
    )


@pytest.fixture(scope="session")
def libraries(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Libraries:
    """
    Return the environments of the workers.
    """
    scratch = folder_of_run(tmp_path_factory) / "libraries"
    scratch.mkdir(exist_ok=True)
    return Libraries(request.config.getoption("environments", None) or scratch / "kept", scratch)


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """
    Return what collects the figures of all scenarios.
    """
    collected = Figures()
    yield collected
    path = request.config.getoption("figures", None)
    if path:
        collected.write(path)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    Return the URL of a Redis that is there for the whole session.
    """
    with run_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def broker_url(redis_url: str) -> str:
    """
    Return the URL of an empty Redis: the worker of a test must not run another test's tasks.
    """
    clear(redis_url)
    return redis_url


@contextlib.contextmanager
def openssh_site() -> Iterator[Site]:
    """
    Run a bastion and a host, real ones: an embedded server is no substitute here.
    """
    with contextlib.ExitStack() as servers:
        directory = tempfile.mkdtemp(prefix="paramiko-e2e-")
        servers.callback(shutil.rmtree, directory, ignore_errors=True)
        refusal = ""
        try:
            site = servers.enter_context(run_site(Path(directory)))
        except GateError as error:
            refusal = " ".join(str(error).split())
        if refusal:
            pytest.fail(refusal, pytrace=False)
        yield site


@pytest.fixture(scope="session")
def gate_site() -> Iterator[Site]:
    """
    Return the bastion and the host of all tests that break neither.
    """
    with openssh_site() as site:
        yield site


@pytest.fixture
def own_site() -> Iterator[Site]:
    """
    Return a bastion that one test may take down, and a host behind it.
    """
    with openssh_site() as site:
        yield site


@pytest.fixture
def tasks(broker_url: str) -> Iterator[Tasks]:
    """
    Return what sends tasks to the worker.
    """
    sender = Tasks(broker_url)
    yield sender
    sender.close()


@pytest.fixture
def ssh_config(bastion: Bastion, host: Host, tmp_path: Path) -> Path:
    """
    Return an OpenSSH configuration that leads to the host through the bastion.
    """
    return write_config(tmp_path / "ssh_config", bastion, host)


@pytest.fixture
def launch(
    libraries: Libraries, broker_url: str, ssh_config: Path, host: Host, tmp_path: Path
) -> Iterator[Launch]:
    """
    Return a function that starts a worker with ``stock`` or ``fork`` and waits until it is ready.

    Each is ended after the test, with everything that it started.
    """
    numbers = itertools.count(1)
    with contextlib.ExitStack() as workers:

        def run(
            library: str,
            pool: str,
            line: str = NEWEST,
            concurrency: int = 2,
            arguments: tuple[str, ...] = (),
            **settings: str,
        ) -> Worker:
            wanted = {
                "BROKER_URL": broker_url,
                "SSH_CONFIG": str(ssh_config),
                "KNOWN_HOSTS": str(host.known_hosts),
                # None in this time, as is Fabric's default: stock is told when the next one fails.
                "KEEPALIVE_S": "3600",
                **settings,
            }
            command = [libraries.python(library, line), "-m", "celery", "-A"]
            command += ["worker_fabric1" if line == OLDEST else "worker", "worker"]
            command += ["--pool", pool, "--concurrency", str(concurrency), *arguments]
            log = tmp_path / f"worker-{next(numbers)}.log"
            worker = Worker(command, EXAMPLE, wanted, log)
            workers.callback(worker.end)
            worker.wait_ready()
            return worker

        yield run
