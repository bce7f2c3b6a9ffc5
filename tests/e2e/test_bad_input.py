"""
Wrong keys, unknown hosts, no broker, missing programs: one clear message, and nothing left running.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import pytest
from e2e.bastions import write_config, write_jumps
from e2e.broker import free_port, run_redis
from e2e.conftest import EXAMPLE, Launch, openssh_site
from e2e.grid import in_every_pool_and_line, in_pools
from e2e.libraries import NEWEST, OLDEST, Libraries
from e2e.tasks import Tasks

from paramiko_gate.servers import openssh_tools
from paramiko_gate.servers.endpoint import Bastion, Host

PROGRAM_LIMIT_S = 60.0

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


def fail_to_connect(launch: Launch, tasks: Tasks, pool: str, line: str, **settings: str) -> str:
    """
    Return the error of a task that cannot connect, after which no proxy may run.
    """
    worker = launch("fork", pool, line, 1, **settings)
    task = tasks.start("echo one")
    tasks.wait(task)
    worker.wait_proxies(0)
    failure = tasks.failure(task)
    return f"{type(failure).__name__}: {failure}"


@in_every_pool_and_line
def test_task_names_a_bastion_that_refuses_the_key(
    launch: Launch,
    tasks: Tasks,
    refusing_bastion: Bastion,
    host: Host,
    tmp_path: Path,
    pool: str,
    line: str,
) -> None:
    """
    What the proxy said is in the error, and not only that there was no banner.
    """
    config = write_config(tmp_path / "refused", refusing_bastion, host)
    told = fail_to_connect(launch, tasks, pool, line, SSH_CONFIG=str(config))
    assert told.startswith("ProxyCommandFailure: ")
    assert "exited with status 255: " in told
    assert "Permission denied (publickey)" in told


@pytest.mark.parametrize("line", [NEWEST, OLDEST])
def test_task_names_a_host_that_refuses_the_key(
    launch: Launch,
    tasks: Tasks,
    bastion: Bastion,
    refusing_bastion: Bastion,
    host: Host,
    tmp_path: Path,
    line: str,
) -> None:
    """
    The way through the bastion is in order, and the login is not.
    """
    strange = refusing_bastion.client_key
    config = write_config(tmp_path / "refused", bastion, host, IdentityFile=strange)
    told = fail_to_connect(launch, tasks, "prefork", line, SSH_CONFIG=str(config))
    # Fabric 1 wants to ask for a password then, and may not.
    assert ("AuthenticationException" if line == NEWEST else "abort-on-prompts") in told


@pytest.mark.parametrize("line", [NEWEST, OLDEST])
def test_task_names_a_host_whose_key_is_not_known(
    launch: Launch, tasks: Tasks, tmp_path: Path, line: str
) -> None:
    """
    It is refused, and not taken up.
    """
    nobody = tmp_path / "known_hosts"
    nobody.touch()
    told = fail_to_connect(launch, tasks, "prefork", line, KNOWN_HOSTS=str(nobody))
    assert "not found in known_hosts" in told
    assert nobody.read_text("ascii") == ""


@in_pools("prefork")
def test_task_names_a_bastion_whose_key_is_not_known(
    launch: Launch, tasks: Tasks, bastion: Bastion, host: Host, tmp_path: Path, pool: str, line: str
) -> None:
    """
    It is `ssh` that refuses it, and its words are in the error.
    """
    known = bastion.known_hosts.read_text("ascii")
    bastion.known_hosts.write_text("", "ascii")
    try:
        told = fail_to_connect(launch, tasks, pool, line)
    finally:
        bastion.known_hosts.write_text(known, "ascii")
    assert "Host key verification failed" in told


@pytest.mark.parametrize("unknown", ["127.0.0.1", "localhost"], ids=["gateway", "host"])
def test_task_names_the_hop_whose_key_is_not_known(
    launch: Launch, tasks: Tasks, bastion: Bastion, host: Host, tmp_path: Path, unknown: str
) -> None:
    """
    A gateway's key is checked as the host's is; and a gateway that is in order is closed then.
    """
    config = write_jumps(tmp_path / "jumps", bastion, host, HostName="localhost")
    known = tmp_path / "known_hosts"
    names = {"127.0.0.1", "localhost"} - {unknown}
    known.write_text(f"[{names.pop()}]:{host.port} {host.host_key}\n", "ascii")
    settings = {"SSH_CONFIG": str(config), "KNOWN_HOSTS": str(known)}
    told = fail_to_connect(launch, tasks, "prefork", NEWEST, **settings)
    assert f"'[{unknown}]:{host.port}' not found in known_hosts" in told


def test_task_gives_up_a_host_that_its_gateway_does_not_reach(
    launch: Launch, tasks: Tasks, bastion: Bastion, host: Host, tmp_path: Path
) -> None:
    """
    The gateway waits for two minutes, and Fabric for an hour; the limit is the example's.
    """
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # When its queue is full, a host does not answer any more.
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        config = write_jumps(tmp_path / "jumps", bastion, host, Port=listener.getsockname()[1])
        settings = {"SSH_CONFIG": str(config), "CONNECT_TIMEOUT_S": "6"}
        told = fail_to_connect(launch, tasks, "prefork", NEWEST, **settings)
    assert "Timeout opening channel" in told


@pytest.mark.parametrize(
    "words", [["-m", "celery", "-A", "worker", "worker"], ["send.py", "h", "w"]]
)
def test_program_names_a_broker_that_does_not_answer(
    libraries: Libraries, ssh_config: Path, host: Host, words: list[str]
) -> None:
    """
    Worker and sender end at once, and start nothing.
    """
    place = f"127.0.0.1:{free_port()}/0"
    settings = {"SSH_CONFIG": str(ssh_config), "KNOWN_HOSTS": str(host.known_hosts)}
    done = run_program(libraries, words, BROKER_URL=f"redis://{place}", **settings)
    assert done.returncode == 1
    # Where there is a password, it is not told.
    assert f"BROKER_URL: no broker at redis://:**@{place}: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KNOWN_HOSTS", "/nowhere", "KNOWN_HOSTS: there is no file /nowhere"),
        ("SSH_CONFIG", "/nowhere", "SSH_CONFIG: there is no file /nowhere"),
        ("KEEPALIVE_S", "often", "a setting in the environment is no number"),
    ],
)
def test_worker_names_a_setting_that_is_wrong(
    libraries: Libraries, ssh_config: Path, host: Host, name: str, value: str, told: str
) -> None:
    """
    In one line, before it starts.
    """
    settings = {"SSH_CONFIG": str(ssh_config), "KNOWN_HOSTS": str(host.known_hosts), name: value}
    done = run_program(libraries, ["-m", "celery", "-A", "worker", "worker"], **settings)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def run_program(
    libraries: Libraries, words: list[str], **settings: str
) -> subprocess.CompletedProcess[str]:
    """
    Run a program of the example to its end.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [libraries.python("fork", NEWEST), *words],
        cwd=EXAMPLE,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=PROGRAM_LIMIT_S,
    )


def test_tests_fail_where_redis_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    They do not skip, and one line says what to install.
    """
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=r"\Aredis-server is missing: .*\Z"):
        run_redis(tmp_path).__enter__()


def test_tests_fail_where_openssh_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Likewise, and no embedded server takes its place.
    """
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh_tools, "SYSTEM_DIRECTORIES", ())
    with pytest.raises(pytest.fail.Exception, match=r"\Asshd is not on this machine.*\Z"):
        openssh_site().__enter__()
