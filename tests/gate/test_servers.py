"""
The bastion and the host are real, let in who they should, and leave nothing behind.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paramiko_gate import measure
from paramiko_gate.errors import GateError
from paramiko_gate.servers import choice, openssh_tools
from paramiko_gate.servers.ending import marked
from paramiko_gate.servers.endpoint import Site


@pytest.fixture(scope="module", params=("openssh", "embedded"))
def kind(request: pytest.FixtureRequest) -> str:
    """
    Return each kind of server.
    """
    chosen: str = request.param
    if chosen == "openssh":
        request.getfixturevalue("needs_openssh")
    return chosen


@pytest.fixture(scope="module")
def site(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """
    Run a bastion and a host of each kind.
    """
    with choice.run_chosen_site(kind, tmp_path_factory.mktemp("site")) as site:
        yield site


def test_proxy_command_reaches_the_host_through_the_bastion(site: Site) -> None:
    """What comes out of the proxy command is the host's banner, not the bastion's own."""
    process = subprocess.Popen(
        shlex.split(site.bastion.proxy_command(site.host)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    with process:
        banner = process.stdout.readline()
        connected = {
            connection.raddr.port
            for connection in psutil.Process(process.pid).net_connections()
            if connection.raddr
        }
        process.stdin.close()
        process.stdout.read()
    assert banner.startswith(b"SSH-2.0-")
    assert connected == {site.bastion.port}


def test_proxy_command_fails_in_words_when_the_bastion_refuses(site: Site) -> None:
    """A key that the bastion does not know ends the proxy with its words and status 255."""
    refused = subprocess.run(
        shlex.split(site.refusing_bastion.proxy_command(site.host)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    assert refused.returncode == 255
    assert b"Permission denied" in refused.stderr
    assert refused.stdout == b""


def test_servers_listen_on_loopback_only(site: Site) -> None:
    """Nobody outside this machine can reach the servers."""
    for server in (site.bastion, site.host):
        listening = {
            connection.laddr.ip
            for connection in psutil.Process(server.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}


def test_run_site_ends_servers_and_their_sessions_when_left(kind: str, tmp_path: Path) -> None:
    """No server, session or command that left its session survives the site, nor its ports."""
    with choice.run_chosen_site(kind, tmp_path) as site:
        login = _log_in(site, "(sleep 600 >/dev/null 2>&1 &) ; echo ready; exec sleep 600")
        servers = (site.bastion, site.host)
        orphans = [process.pid for process in marked(site.host.mark)]
        assert len(orphans) >= 2
    login.kill()
    login.communicate()
    for server in servers:
        assert not psutil.pid_exists(server.pid)
        with socket.socket() as probe:
            assert probe.connect_ex((server.address, server.port)) != 0
    assert [pid for pid in orphans if _is_running(pid)] == []


def _log_in(site: Site, command: str) -> subprocess.Popen[bytes]:
    """Log in to the host itself with asyncssh, run a command, and return when it is ready."""
    program = f"""
        import asyncio, asyncssh
        async def main():
            async with asyncssh.connect(
                {site.host.address!r}, {site.host.port}, username={site.host.user!r},
                client_keys=[{str(site.host.client_key)!r}],
                known_hosts={str(site.host.known_hosts)!r}, config=None, agent_path=None,
            ) as connection:
                process = await connection.create_process({command!r})
                print((await process.stdout.readline()).strip(), flush=True)
                await process.wait()
        asyncio.run(main())
    """
    login = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert login.stdout is not None
    assert login.stdout.readline() == b"ready\n"
    return login


def test_servers_end_when_the_harness_is_killed(kind: str, tmp_path: Path) -> None:
    """A harness that is killed leaves no server, session or directory."""
    directory = tmp_path / "site"
    directory.mkdir()
    program = f"""
        import pathlib, sys
        from paramiko_gate.servers.choice import run_chosen_site
        with run_chosen_site({kind!r}, pathlib.Path({str(directory)!r})) as site:
            print(site.bastion.pid, site.host.pid, flush=True)
            sys.stdin.read()
    """
    harness = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with harness:
        assert harness.stdout is not None
        pids = [int(word) for word in harness.stdout.readline().split()]
        assert len(pids) == 2
        harness.send_signal(signal.SIGKILL)
    assert measure.wait_for(lambda: not any(map(_is_running, pids)), 10)
    assert measure.wait_for(lambda: not directory.exists(), 10)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_choose_kind_says_what_to_install_when_there_is_no_sshd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenSSH that was asked for and is missing is named, with how to get it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(openssh_tools, "SYSTEM_DIRECTORIES", ())
    with pytest.raises(GateError) as caught:
        choice.choose_kind("openssh")
    assert "sshd is not on this machine" in str(caught.value)
    assert "apt-get install openssh-server" in caught.value.hint
    assert caught.value.exit_code == 2


def test_choose_kind_takes_the_embedded_server_when_there_is_no_sshd(
    needs_openssh: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without OpenSSH `auto` means the embedded server, with it OpenSSH."""
    assert choice.choose_kind("auto") == "openssh"
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(openssh_tools, "SYSTEM_DIRECTORIES", ())
    assert choice.choose_kind("auto") == "embedded"


def test_run_site_names_the_directory_that_sshd_of_root_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A privilege separation directory that cannot be made is named; others need none."""
    obstacle = tmp_path / "file"
    obstacle.touch()
    monkeypatch.setattr(openssh_tools, "PRIVILEGE_SEPARATION_DIRECTORY", obstacle / "sshd")
    if os.geteuid() != 0:
        openssh_tools.prepare_privilege_separation()
        return
    with pytest.raises(GateError, match="privilege separation directory") as caught:
        openssh_tools.prepare_privilege_separation()
    assert str(obstacle / "sshd") in caught.value.wanted
    assert caught.value.exit_code == 3
