"""
A real bastion and a real host: two OpenSSH servers on loopback, with keys made for the run.

Role: started by the plugin's fixtures and by ``paramiko-gate run``. Reads and writes nothing of
the user's own SSH set-up: every file it names lies in the directory it is given.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paramiko_gate.errors import EXIT_UNKNOWN, GateError
from paramiko_gate.servers.ending import MARK, end_server
from paramiko_gate.servers.endpoint import LOOPBACK, Bastion, Host, Site
from paramiko_gate.servers.keeper import keep_site
from paramiko_gate.servers.openssh_tools import (
    TOOL_TIMEOUT_S,
    find_tool,
    last_lines,
    make_key,
    prepare_privilege_separation,
    read_public_key,
)

START_TIMEOUT_S = 10.0
START_ATTEMPTS = 5

SSHD_CONFIG = """\
ListenAddress {address}:{port}
HostKey "{host_key}"
AuthorizedKeysFile "{authorized_keys}"
PidFile none
UsePAM no
UseDNS no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers {user}
AllowTcpForwarding yes
MaxStartups 200
MaxSessions 200
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
SetEnv {mark_name}={mark} SHLVL=1
"""
# SHLVL: bash that is run by sshd as the first shell of a login reads ~/.bashrc, where anything may
# be: what takes time, waits for a lock, or prints into a command's output.

# Servers since 9.8 shut out an address for a while after failed logins; the refused login of the
# gate would then also shut out the cases after it. Older servers do not know the word.
OPTIONS_OF_NEWER_SERVERS = ("PerSourcePenalties no",)

# Without sntrup761, which takes 0.1 s of a core where a release of OpenSSH prefers it: on a machine
# with other work, that is most of what a connection through the bastion takes.
SSH_CONFIG = """\
Host bastion
    HostName {address}
    Port {port}
    User {user}
    IdentityFile "{client_key}"
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile "{known_hosts}"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    UpdateHostKeys no
    KexAlgorithms -*sntrup761*
    BatchMode yes
    ConnectTimeout 10
    ControlMaster no
    ControlPath none
"""


@contextlib.contextmanager
def run_site(directory: Path, options: str = "") -> Iterator[Site]:
    """
    Run a bastion and a host until the block is left, then end both with all their sessions.

    Blocks until both answer, at most `START_TIMEOUT_S` each.

    :param Path directory: an empty one; everything is written there and nothing elsewhere
    :param str options: further lines of the host's configuration
    :raises GateError: a program is missing, or a server does not start or refuses its own key
    """
    sshd = find_tool("sshd")
    prepare_privilege_separation()
    client_key = make_key(directory / "client_key")
    strange_key = make_key(directory / "strange_key")
    with contextlib.ExitStack() as servers:
        host = servers.enter_context(_run_sshd(sshd, directory / "host", client_key, options))
        gate = servers.enter_context(_run_sshd(sshd, directory / "bastion", client_key))
        bastion = _as_bastion(gate, directory / "bastion" / "ssh_config")
        _prove_login(bastion)
        refused = replace(gate, client_key=strange_key)
        refusing = _as_bastion(refused, directory / "bastion" / "ssh_config_refused")
        servers.enter_context(keep_site(directory, {host.pid: host.mark, gate.pid: gate.mark}))
        yield Site(kind="openssh", host=host, bastion=bastion, refusing_bastion=refusing)


@contextlib.contextmanager
def _run_sshd(sshd: str, directory: Path, client_key: Path, options: str = "") -> Iterator[Host]:
    """Run one server in a directory of its own; a taken port is tried again with another."""
    directory.mkdir()
    mark = secrets.token_hex(16)
    host_key = make_key(directory / "host_key")
    authorized_keys = directory / "authorized_keys"
    authorized_keys.write_text(read_public_key(client_key) + "\n", "ascii")
    user = pwd.getpwuid(os.geteuid()).pw_name
    log = directory / "sshd.log"
    for attempt in range(1, START_ATTEMPTS + 1):
        port = find_free_port()
        config = SSHD_CONFIG.format(
            address=LOOPBACK,
            port=port,
            host_key=host_key,
            authorized_keys=authorized_keys,
            user=user,
            mark_name=MARK,
            mark=mark,
        )
        config += options
        path = _write_accepted_config(sshd, directory / "sshd_config", config)
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sshd, "-D", "-e", "-f", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A group of its own: Ctrl-C in a terminal must end the harness, which then
                # ends the server, not the server under a running case.
                start_new_session=True,
            )
        try:
            if not _answers(server, port):
                if attempt < START_ATTEMPTS and "already in use" in _read(log):
                    continue
                raise GateError(
                    "sshd did not start",
                    wanted=f"an SSH banner on {LOOPBACK}:{port} within {START_TIMEOUT_S:g} s",
                    got=last_lines(_read(log)) or f"exit status {server.poll()}, no message",
                    hint="try that sshd by hand with -D -e -f and a configuration of your own",
                    exit_code=EXIT_UNKNOWN,
                )
            public_key = read_public_key(host_key)
            known_hosts = directory / "known_hosts"
            known_hosts.write_text(f"[{LOOPBACK}]:{port} {public_key}\n", "ascii")
            yield Host(
                address=LOOPBACK,
                port=port,
                user=user,
                client_key=client_key,
                host_key=public_key,
                known_hosts=known_hosts,
                log=log,
                pid=server.pid,
                mark=mark,
            )
            return
        finally:
            end_server(server, mark)


def find_free_port() -> int:
    """Return a loopback port that was free just now; somebody may take it before its use."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _write_accepted_config(sshd: str, path: Path, config: str) -> Path:
    """Write the configuration, with each option of newer servers that this one understands."""
    path.write_text(config, "utf-8")
    for option in OPTIONS_OF_NEWER_SERVERS:
        path.write_text(f"{config}{option}\n", "utf-8")
        test = subprocess.run(
            [sshd, "-t", "-f", str(path)], capture_output=True, timeout=TOOL_TIMEOUT_S
        )
        if test.returncode == 0:
            config = f"{config}{option}\n"
        path.write_text(config, "utf-8")
    return path


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait at most `START_TIMEOUT_S` for an SSH banner; False also when the server is gone."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
                connection.settimeout(max(0.1, deadline - time.monotonic()))
                if connection.recv(4) == b"SSH-":
                    # Somebody else's server may have taken the port meanwhile.
                    return server.poll() is None
        except OSError:
            time.sleep(0.02)
    return False


def _as_bastion(server: Host, ssh_config: Path) -> Bastion:
    """Write the client configuration for a server and return it as a bastion."""
    ssh_config.write_text(
        SSH_CONFIG.format(
            address=server.address,
            port=server.port,
            user=server.user,
            client_key=server.client_key,
            known_hosts=server.known_hosts,
        ),
        "utf-8",
    )
    return Bastion(
        **{name: getattr(server, name) for name in Host.__dataclass_fields__},
        before=(find_tool("ssh"), "-F", str(ssh_config)),
        after=("bastion",),
    )


def _prove_login(bastion: Bastion) -> None:
    """Log in once, so that an account that cannot is named here and not in every case."""
    login = subprocess.run(
        [*bastion.before, "-T", *bastion.after, "exit 0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TOOL_TIMEOUT_S,
    )
    if login.returncode != 0:
        said = login.stderr.decode(errors="replace") + "\n" + _read(bastion.log)
        raise GateError(
            f"the account {bastion.user} cannot log in to a server of its own",
            wanted="ssh ... exit 0 to end with status 0",
            got=f"status {login.returncode}: {last_lines(said)}",
            hint="an account that is locked or has no login shell is refused by sshd; "
            "use another one, or --server embedded",
            exit_code=EXIT_UNKNOWN,
        )


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.exists() else ""
