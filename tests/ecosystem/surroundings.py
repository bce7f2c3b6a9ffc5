"""
What a suite expects around it: an account on a server, or a machine of its own.

The server is the gate's: a real ``sshd`` on loopback with keys made for the run.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from paramiko_gate.servers.endpoint import Host
from paramiko_gate.servers.openssh_tools import make_key, read_public_key

STAND_INS = Path(__file__).parent / "stand_ins"

# What the tests of paramiko-expect call in their container, by name. They wait
# for a prompt after each and look at nothing else but the words below.
PROGRAMS = {
    "apk": "echo OK",
    "curl": (
        "for number in 1 2 3 4 5 6 7 8 9; do echo line $number; done\n"
        "echo '* Connection #0 to host httpbin.org left intact'"
    ),
    "python3": (
        "case $1 in */paramiko_expect-demo-helper.py) ;; *) exit 1;; esac\n"
        "printf 'Please enter your name: '; read -r name; echo \"Hello $name\""
    ),
}


def account(host: Host, home: Path) -> dict[str, str]:
    """
    Let a suite log in to the server without a word, as to port 22 of this machine.

    :param Path home: the suite's home directory, where clients look for keys
    :returns: variables for the suite, also for the stand-in plugin
    """
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True)
    key = folder / "id_ed25519"
    key.write_bytes(host.client_key.read_bytes())
    key.chmod(0o600)
    known = f"[{host.address}]:{host.port} {host.host_key}\n{host.address} {host.host_key}\n"
    (folder / "known_hosts").write_text(known, encoding="ascii")
    return {"LOOPBACK_PORT_22": str(host.port), "PYTHONPATH": str(STAND_INS)}


def container(host: Host, folder: Path, key: Path) -> dict[str, str]:
    """
    Let a key lead to a shell that looks like a freshly started container's.

    :param Path folder: for its home and its programs; made here
    :param Path key: where the suite looks for its private key
    :raises AssertionError: we are not root, whose login the tests ask for
    """
    assert os.geteuid() == 0, "its tests log in as root, which only root's own server allows"
    programs, home = folder / "programs", folder / "home"
    for path in (programs, home, key.parent):
        path.mkdir(parents=True, exist_ok=True)
    for name, text in PROGRAMS.items():
        _write_program(programs / name, text)
    search = f"{programs}:/usr/local/bin:/usr/bin:/bin"
    words = ["env", "-i", f"PATH={search}", f"HOME={home}", "TERM=dumb", r"PS1=container:\w# "]
    words += ["bash", "--noprofile", "--norc", "-i"]
    shell = _write_program(folder / "shell", f"cd {shlex.quote(str(home))}\nexec {_quoted(words)}")
    make_key(key)
    keys = host.log.parent / "authorized_keys"
    with keys.open("a", encoding="ascii") as file:
        file.write(f'command="{shell}" {read_public_key(key)}\n')
    return {
        "CONTAINER_ADDRESS": host.address,
        "CONTAINER_PORT": str(host.port),
        "PYTHONPATH": str(STAND_INS),
    }


def _quoted(words: list[str]) -> str:
    return " ".join(map(shlex.quote, words))


def _write_program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
