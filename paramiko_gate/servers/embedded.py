"""
The same bastion and host for a machine without OpenSSH: asyncssh servers, asyncssh as the proxy.

Role: stands in for `paramiko_gate.servers.openssh`; real servers, keys, logins and forwarding,
in processes of their own. Started by the plugin's fixtures and by ``paramiko-gate run``.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import json
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paramiko_gate.errors import EXIT_UNKNOWN, EXIT_USAGE, GateError
from paramiko_gate.servers.ending import MARK, end_server
from paramiko_gate.servers.endpoint import LOOPBACK, Bastion, Host, Site
from paramiko_gate.servers.keeper import keep_site

START_TIMEOUT_S = 20.0
SERVER = Path(__file__).with_name("embedded_server.py")
JUMP = Path(__file__).with_name("embedded_jump.py")


@contextlib.contextmanager
def run_site(directory: Path) -> Iterator[Site]:
    """
    Run a bastion and a host until the block is left, then end both with all their sessions.

    Blocks until both listen, at most `START_TIMEOUT_S` each.

    :param Path directory: an empty one; everything is written there and nothing elsewhere
    :raises GateError: asyncssh is missing, or a server does not start
    """
    if importlib.util.find_spec("asyncssh") is None:
        raise GateError(
            "the embedded server is not installed",
            wanted="asyncssh beside the gate",
            got="no such module",
            hint="pip install 'paramiko-patched[gate]', or install OpenSSH",
            exit_code=EXIT_USAGE,
        )
    client_key = make_key(directory / "client_key")
    strange_key = make_key(directory / "strange_key")
    with contextlib.ExitStack() as servers:
        host = servers.enter_context(_run_server(directory / "host", client_key))
        gate = servers.enter_context(_run_server(directory / "bastion", client_key))
        servers.enter_context(keep_site(directory, {host.pid: host.mark, gate.pid: gate.mark}))
        yield Site(
            kind="embedded",
            host=host,
            bastion=_as_bastion(gate),
            refusing_bastion=_as_bastion(replace(gate, client_key=strange_key)),
        )


def make_key(path: Path) -> Path:
    """Write a new Ed25519 key pair without a passphrase and return the private key's path."""
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_public_key(str(path) + ".pub")
    key.write_private_key(str(path))
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def _run_server(directory: Path, client_key: Path) -> Iterator[Host]:
    directory.mkdir()
    host_key = make_key(directory / "host_key")
    log = directory / "server.log"
    mark = secrets.token_hex(16)
    arguments = [
        sys.executable,
        str(SERVER),
        f"--host-key={host_key}",
        f"--authorized-keys={client_key}.pub",
        f"--mark={MARK}={mark}",
    ]
    with log.open("wb") as output:
        server = subprocess.Popen(
            arguments,
            # Held open and never written to: the server ends when the harness is gone.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
    try:
        port = _read_port(server, log)
        public_key = " ".join(Path(f"{host_key}.pub").read_text("ascii").split()[:2])
        known_hosts = directory / "known_hosts"
        known_hosts.write_text(f"[{LOOPBACK}]:{port} {public_key}\n", "ascii")
        yield Host(
            address=LOOPBACK,
            port=port,
            user=getpass.getuser(),
            client_key=client_key,
            host_key=public_key,
            known_hosts=known_hosts,
            log=log,
            pid=server.pid,
            mark=mark,
        )
    finally:
        end_server(server, mark)
        for stream in (server.stdin, server.stdout):
            assert stream is not None
            stream.close()


def _read_port(server: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the line in which the server says where it listens."""
    lines: queue.Queue[bytes] = queue.Queue()
    output = server.stdout
    assert output is not None
    threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
    with contextlib.suppress(queue.Empty, ValueError):
        return int(json.loads(lines.get(timeout=START_TIMEOUT_S))["port"])
    said = log.read_text("utf-8", errors="replace").strip().splitlines()[-1:]
    raise GateError(
        "the embedded server did not start",
        wanted=f"its port within {START_TIMEOUT_S:g} s",
        got=" ".join(said) or "no answer",
        exit_code=EXIT_UNKNOWN,
    )


def _as_bastion(server: Host) -> Bastion:
    return Bastion(
        **{name: getattr(server, name) for name in Host.__dataclass_fields__},
        before=(
            sys.executable,
            str(JUMP),
            f"--client-key={server.client_key}",
            f"--known-hosts={server.known_hosts}",
        ),
        after=(f"{server.user}@{server.address}:{server.port}",),
    )
