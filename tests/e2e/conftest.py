"""
The whole of it: a bastion, a host, Redis, and a Celery worker with stock or with the fork.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Test modules import `e2e.tasks` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from building import Builder
from checkout import ROOT, filled_wheelhouse
from e2e.broker import run_redis
from e2e.tasks import HOST, Tasks
from e2e.worker_process import Worker
from environment import Environment

from paramiko_gate.servers.endpoint import Bastion, Host

HERE = Path(__file__).parent
EXAMPLE = ROOT / "examples" / "celery_fabric"
LINE = "5.1.0"

Launch = Callable[..., Worker]


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the option that keeps the environments for the next run.
    """
    parser.getgroup("paramiko-patched").addoption(
        "--environments",
        type=Path,
        metavar="DIR",
        help="keep the workers' environments there, and take those that are there already",
    )


@pytest.fixture(scope="session")
def interpreters(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """
    Return a function that gives an interpreter with the example's needs and one paramiko.

    Making an environment takes a minute; each is made when it is first asked for.
    """
    made: dict[str, str] = {}
    folder = request.config.getoption("environments") or tmp_path_factory.mktemp("environments")

    def interpreter(library: str) -> str:
        kept = folder / library / "bin" / "python"
        if kept.exists():
            made[library] = str(kept)
        if library not in made:
            environment = Environment(folder / library)
            requirement = f"paramiko==={LINE}"
            if library == "fork":
                wheelhouse = filled_wheelhouse()
                builder = Builder(folder / "builder", wheelhouse)
                settings = ("kind=dropin", f"upstream={LINE}", f"wheelhouse={wheelhouse}")
                requirement = str(builder.wheel(ROOT, folder / "wheel", *settings))
            needs = str(HERE / "requirements.txt")
            environment.pip("install", "--quiet", "-r", needs, requirement)
            made[library] = environment.python
        return made[library]

    return interpreter


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    Return the URL of a Redis that is there for the whole session.
    """
    with run_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


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
    path = tmp_path / "ssh_config"
    path.write_text(
        f"Host {HOST}\n"
        f"    HostName {host.address}\n"
        f"    Port {host.port}\n"
        f"    User {host.user}\n"
        f"    IdentityFile {host.client_key}\n"
        f"    ProxyCommand {bastion.proxy_command(host)}\n",
        "utf-8",
    )
    return path


@pytest.fixture
def launch(
    interpreters: Callable[[str], str],
    broker_url: str,
    ssh_config: Path,
    host: Host,
    tmp_path: Path,
) -> Iterator[Launch]:
    """
    Return a function that starts a worker with ``stock`` or ``fork``, and waits until it is ready.
    """
    with contextlib.ExitStack() as workers:

        def run(library: str, pool: str, concurrency: int = 2, **settings: str) -> Worker:
            wanted = {
                "BROKER_URL": broker_url,
                "SSH_CONFIG": str(ssh_config),
                "KNOWN_HOSTS": str(host.known_hosts),
                **settings,
            }
            log = tmp_path / "worker.log"
            worker = Worker(interpreters(library), EXAMPLE, pool, concurrency, wanted, log)
            workers.callback(worker.end)
            worker.wait_ready()
            return worker

        yield run
