"""
The OpenSSH programs of this machine: where they are, what they need, the keys they make.

Role: called by `paramiko_gate.servers.openssh` and, to find out whether there is OpenSSH at all,
by `paramiko_gate.servers.choice`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from paramiko_gate.errors import EXIT_UNKNOWN, GateError

SYSTEM_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin")
TOOL_TIMEOUT_S = 20.0
PRIVILEGE_SEPARATION_DIRECTORY = Path("/run/sshd")
INSTALL_HINT = "install OpenSSH (Debian: apt-get install openssh-server openssh-client)"


def find_tool(name: str) -> str:
    """
    Return the absolute path of an OpenSSH program.

    ``sbin`` is searched too: it is not on an ordinary user's path, and ``sshd`` runs itself again
    by the path it was started with, which therefore has to be absolute.

    :raises GateError: it is not on this machine
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES])
    found = shutil.which(name, path=path)
    if found is None:
        raise GateError(
            f"{name} is not on this machine",
            wanted=f"{name} on PATH or in /usr/sbin",
            got="no such program",
            hint=f"{INSTALL_HINT}, or use the embedded server (--server embedded)",
        )
    return os.path.realpath(found)


def is_present() -> bool:
    """Tell whether everything this module needs is on the machine."""
    try:
        require_all()
    except GateError:
        return False
    return True


def require_all() -> None:
    """
    Look for every program that is needed.

    :raises GateError: one is not on this machine
    """
    for name in ("sshd", "ssh", "ssh-keygen"):
        find_tool(name)


def prepare_privilege_separation() -> None:
    """
    Make the empty directory that a server of root's insists on.

    Distributions let their service make it at boot, so it is missing in most containers.

    :raises GateError: it is missing and cannot be made
    """
    if os.geteuid() != 0 or PRIVILEGE_SEPARATION_DIRECTORY.is_dir():
        return
    try:
        PRIVILEGE_SEPARATION_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise GateError(
            "sshd cannot be started as root without its privilege separation directory",
            wanted=f"an empty directory {PRIVILEGE_SEPARATION_DIRECTORY}, owned by root",
            got=f"{error.strerror or error}",
            hint="make the directory, or run as an ordinary user",
            exit_code=EXIT_UNKNOWN,
        ) from None


def make_key(path: Path) -> Path:
    """Write a new Ed25519 key pair without a passphrase and return the private key's path."""
    _run_tool([find_tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)])
    return path


def read_public_key(private_key: Path) -> str:
    """Return ``algorithm base64`` of the public half that lies beside a private key."""
    words = private_key.with_name(private_key.name + ".pub").read_text("ascii").split()
    return " ".join(words[:2])


def _run_tool(arguments: list[str]) -> None:
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=TOOL_TIMEOUT_S
    )
    if done.returncode != 0:
        raise GateError(
            f"{Path(arguments[0]).name} failed",
            wanted="exit status 0",
            got=f"{done.returncode}: {last_lines(done.stderr.decode(errors='replace'))}",
            exit_code=EXIT_UNKNOWN,
        )


def last_lines(text: str, count: int = 3) -> str:
    """Return the end of what a program said, in one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-count:])
