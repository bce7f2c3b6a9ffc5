"""
A real `ssh -W` that leaves an OpenSSH master connection behind, which holds its stderr open.

With `ControlMaster=auto` and `ControlPersist` the first ssh forks a master that lives on when the
proxy has ended. The master inherits the proxy's stderr, so whoever waited for the end of stderr
would wait for as long as the master lives; and it is the user's, so nobody may signal it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from waiting import (
    PROMPT_S,
    QUICK_CLOSE_S,
    is_running,
    read_exactly,
    read_to_failure,
    timed,
    wait_ended,
    wait_reaped,
)

Open = Callable[..., Any]

PERSIST_S = 60


@dataclass(frozen=True)
class Multiplexing:
    """
    A proxy command that shares a master connection, and the means to talk to that master.
    """

    command: list[str]
    control: list[str]

    def run(self, order: str) -> subprocess.CompletedProcess[str]:
        """
        Give the master an order, ``check`` or ``exit``, and return ssh's answer.
        """
        return subprocess.run(
            [*self.control, "-O", order, "bastion"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )

    def master_pid(self) -> int:
        """
        Return the process number of the master, which must be running.
        """
        answer = self.run("check")
        assert answer.returncode == 0, answer.stderr
        return int(answer.stderr.partition("pid=")[2].partition(")")[0])


@pytest.fixture
def multiplexing(bastion: Any, host: Any) -> Iterator[Multiplexing]:
    """
    Return such a proxy command; its master is told to exit after the test.
    """
    ssh, *options = bastion.before
    # A path of a socket has little room, so the folder is none of pytest's long ones.
    folder = tempfile.mkdtemp(prefix="mux-")
    control = [ssh, "-o", f"ControlPath={folder}/%C", "-o", "ControlMaster=auto"]
    shared = Multiplexing(
        [
            *control,
            "-v",  # newer masters keep the stderr they were started with only when they debug
            "-o",
            f"ControlPersist={PERSIST_S}",
            *options,
            "-W",
            f"{host.address}:{host.port}",
            *bastion.after,
        ],
        [*control, *options],
    )
    yield shared
    shared.run("exit")
    shutil.rmtree(folder, ignore_errors=True)


def greet(proxy: Any) -> None:
    """
    Return when the banner of the host behind the bastion has come through.
    """
    assert read_exactly(proxy, 8) == b"SSH-2.0-"


def holds_stderr_of(pid: int, proxy: Any) -> bool:
    """
    Tell whether a process has the pipe open on which we read the proxy's stderr.
    """
    ours = os.readlink(f"/proc/self/fd/{proxy.process.stderr.fileno()}")
    theirs = (Path(f"/proc/{pid}/fd") / str(number) for number in range(10))
    return ours in {os.readlink(path) for path in theirs if path.exists()}


def test_close_is_quick_and_leaves_the_master_alone(
    open_proxy: Open, multiplexing: Multiplexing
) -> None:
    """
    Close of a connection through a master ends the proxy and nothing else.
    """
    proxy = open_proxy(multiplexing.command, timeout_s=20)
    greet(proxy)
    master = multiplexing.master_pid()
    assert holds_stderr_of(master, proxy)

    assert timed(proxy.close) < QUICK_CLOSE_S

    wait_reaped(proxy.process.pid)
    assert is_running(master)
    assert multiplexing.master_pid() == master


def test_close_of_a_stopped_proxy_leaves_the_master_alone(
    open_proxy: Open, multiplexing: Multiplexing
) -> None:
    """
    The master is a child of the proxy, and yet spared when the proxy has to be killed.
    """
    proxy = open_proxy(multiplexing.command, timeout_s=20)
    greet(proxy)
    master = multiplexing.master_pid()
    os.kill(proxy.process.pid, signal.SIGSTOP)

    proxy.close()

    wait_reaped(proxy.process.pid)
    assert multiplexing.master_pid() == master


def test_death_is_reported_at_once_while_the_master_holds_stderr(
    open_proxy: Open, failure: Any, multiplexing: Multiplexing
) -> None:
    """
    The proxy's death is known by the end of its output, whoever holds its stderr.
    """
    proxy = open_proxy(multiplexing.command, timeout_s=None)
    greet(proxy)
    master = multiplexing.master_pid()

    os.kill(proxy.process.pid, signal.SIGKILL)
    _, error = read_to_failure(proxy, failure, timeout_s=PROMPT_S)

    assert "was killed by signal 9 (SIGKILL)" in str(error)
    assert is_running(master)
    assert timed(proxy.close) < QUICK_CLOSE_S
    assert multiplexing.master_pid() == master


def test_second_connection_goes_through_the_same_master(
    open_proxy: Open, multiplexing: Multiplexing
) -> None:
    """
    Connections that share a master live and end independently of each other.
    """
    first = open_proxy(multiplexing.command, timeout_s=20)
    greet(first)
    master = multiplexing.master_pid()
    second = open_proxy(multiplexing.command, timeout_s=20)
    greet(second)

    first.close()

    wait_reaped(first.process.pid)
    assert multiplexing.master_pid() == master
    assert not second.closed
    second.send(b"SSH-2.0-test\r\n")
    assert second.recv(1)


def test_dropped_proxy_leaves_the_master_alone(paramiko: Any, multiplexing: Multiplexing) -> None:
    """
    The collector ends the proxy that was forgotten, and not the master that it has started.
    """
    proxy = paramiko.ProxyCommand(multiplexing.command)
    proxy.settimeout(20)
    greet(proxy)
    master = multiplexing.master_pid()
    pid = proxy.process.pid

    with pytest.warns(ResourceWarning):
        del proxy
    wait_reaped(pid)

    assert multiplexing.master_pid() == master


def test_death_of_the_master_is_the_death_of_its_proxies(
    open_proxy: Open, failure: Any, multiplexing: Multiplexing
) -> None:
    """
    A proxy that loses its master exits, and is reported like any other that does.
    """
    proxy = open_proxy(multiplexing.command, timeout_s=None)
    greet(proxy)
    master = multiplexing.master_pid()

    assert multiplexing.run("exit").returncode == 0

    wait_ended(master)
    _, error = read_to_failure(proxy, failure, timeout_s=5)
    assert error.returncode is not None
