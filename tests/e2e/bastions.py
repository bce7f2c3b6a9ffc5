"""
What happens to a bastion: its sessions are killed, it is stopped, it is rebooted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
from e2e.tasks import HOST
from waiting import wait_until

from paramiko_gate.servers.ending import descendants, end_all, end_server
from paramiko_gate.servers.endpoint import Bastion, Host
from paramiko_gate.servers.openssh_tools import find_tool

START_S = 15.0

#: What a connection to the host goes through in the configuration of `write_jumps`.
JUMPS = ("hop", "gateway")


def write_config(
    path: Path, bastion: Bastion, host: Host, names: tuple[str, ...] = (HOST,), **changes: object
) -> Path:
    """
    Write an OpenSSH configuration that leads to the host through the bastion.

    :param tuple names: what it is called; `HOST` is known by its address, the others are
        different hosts to a program, and their keys are not known
    :param changes: other values of options; an option whose value is ``None`` is left out
    """
    lines = []
    for name in names:
        options = {
            "HostName": host.address if name == HOST else f"{name}.internal",
            "Port": host.port,
            "User": host.user,
            "IdentityFile": host.client_key,
            "ProxyCommand": bastion.proxy_command(host),
            **changes,
        }
        lines.append(f"Host {name}")
        lines += [f"    {key} {value}" for key, value in options.items() if value is not None]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_jumps(path: Path, bastion: Bastion, host: Host, **changes: object) -> Path:
    """
    Write one that leads to the host through `JUMPS`: two logins behind the proxy command.

    Fabric goes to the last of them first, and OpenSSH to the first: each has the proxy command, and
    whichever comes first uses it.

    :param changes: other values of options of the host
    """
    jumps = write_config(path, bastion, host, JUMPS, HostName=host.address).read_text("utf-8")
    changes = {"ProxyCommand": None, "ProxyJump": ",".join(JUMPS), **changes}
    write_config(path, bastion, host, (HOST,), **changes)
    path.write_text(jumps + path.read_text("utf-8"), "utf-8")
    return path


def kill_sessions(bastion: Bastion) -> int:
    """
    Kill what serves the logins, so that each ``ssh -W`` ends by itself; return how many died.
    """
    sessions = descendants(bastion.pid)
    end_all(sessions)
    return len(sessions)


@contextlib.contextmanager
def stopped(bastion: Bastion) -> Iterator[None]:
    """
    Stop the bastion with all its sessions, and let it go on when the block is left.
    """
    processes = [psutil.Process(bastion.pid), *descendants(bastion.pid)]
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def take_down(bastion: Bastion) -> None:
    """
    Kill the bastion with all its sessions, as a power cut does.
    """
    sessions = descendants(bastion.pid)
    os.kill(bastion.pid, signal.SIGKILL)
    end_all(sessions)


@contextlib.contextmanager
def brought_up(bastion: Bastion) -> Iterator[None]:
    """
    Start the bastion again at the same place, until the block is left.

    Blocks until it listens, for at most `START_S`.
    """
    config = bastion.log.with_name("sshd_config")
    with bastion.log.open("ab") as log:
        server = subprocess.Popen(
            [find_tool("sshd"), "-D", "-e", "-f", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: _listens(bastion), START_S, "the bastion after its reboot")
        yield
    finally:
        end_server(server, bastion.mark)


def _listens(server: Host) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((server.address, server.port), 1).close()
        return True
    return False
