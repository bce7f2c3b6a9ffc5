"""
What is compared: stock, one fork or several, other SSH clients; each in an environment of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramiko_gate.control import refuse_patched
from paramiko_gate.errors import EXIT_UNKNOWN, GateError
from paramiko_gate.servers.endpoint import Host
from paramiko_gate.target import (
    OWN_NAME,
    STOCK_NAME,
    Subject,
    find_interpreter,
    identify,
    isolate,
)

ROOT = Path(__file__).resolve().parents[1]
NEWEST_LINE = "5.1.0"
INSTALL_LIMIT_S = 600.0
ASK_LIMIT_S = 60.0
#: Descriptors that servers and clients may want: four a connection, and room.
DESCRIPTORS = 16384

#: Requirement, client program and module of each peer.
PEERS = {
    "asyncssh": ("asyncssh==2.24.1", "with_asyncssh.py", "asyncssh"),
    "ssh2": ("ssh2-python==1.2.0.post1", "with_ssh2.py", "ssh2"),
    "ng": ("paramiko-ng==2.9.0", "with_paramiko.py", "paramiko"),
}
#: Works that a library has nothing for: libssh2 has no sessions that threads share.
MISSING = {
    "with_openssh.py": ("lines", "channels"),
    "with_ssh2.py": ("lines", "channels"),
}
NAMES = ("stock", "fork", "asyncssh", "openssh", "ssh2", "ng")


@dataclass(frozen=True)
class Contestant:
    """
    Name one subject of the benchmark.

    :param str name: as in tables
    :param Subject library: interpreter and module
    :param str client: the program of ``clients/`` that works with it
    :param dict facts: what a reader of the figures has to know of it
    """

    name: str
    library: Subject
    client: str
    facts: dict[str, Any] = field(default_factory=dict)

    def can(self, work: str) -> bool:
        """Tell whether its client program knows a work."""
        return work not in MISSING.get(self.client, ())

    @property
    def has_paramikos_names(self) -> bool:
        """Tell whether programs written for paramiko run with it."""
        return self.client == "with_paramiko.py"


def find_contestants(
    names: list[str],
    forks: list[str],
    line: str,
    pythons: dict[str, str],
    directory: Path,
    tell: Callable[[str], None],
) -> list[Contestant]:
    """
    Return the subjects; a peer that cannot be had is said and left out.

    Blocks for pip. Releases are installed once into a cache of the user's, forks for each run.

    :param list names: some of `NAMES`
    :param list forks: a path or a requirement each; the first is ``fork``, the next ``fork2``
    :param str line: version of upstream that stock is, and that a fork from a path is built on
    :param dict pythons: an interpreter for some names, which has the library already
    :param Path directory: for environments of this run; made
    :param tell: is told what is done next
    :raises GateError: stock or a fork cannot be had, or stock is not stock
    """
    directory.mkdir()
    found = []
    for name in names:
        if name == "openssh":
            found += _find_openssh(tell)
        elif name in PEERS:
            requirement, client, module = PEERS[name]
            try:
                python = pythons.get(name) or _install_release(requirement, tell)
                found.append(_contestant(name, python, (module,), client, requirement))
            except GateError as error:
                tell(f"{name} is left out: {error}")
        elif name == "stock":
            requirement = f"{STOCK_NAME}==={line}"
            python = pythons.get(name) or _install_release(requirement, tell)
            stock = _contestant(name, python, (STOCK_NAME,), "with_paramiko.py", requirement)
            refuse_patched(stock.library, requirement)
            found.append(stock)
        else:
            modules = (OWN_NAME, STOCK_NAME)
            for number, what in enumerate(forks, 1):
                title = name if number == 1 else f"{name}{number}"
                python = pythons.get(title) or _install_fork(what, line, directory / title, tell)
                given = pythons.get(title, what)
                found.append(_contestant(title, python, modules, "with_paramiko.py", given))
    return found


def describe_host(host: Host) -> dict[str, Any]:
    """
    Return what a client program has to know to log in.
    """
    return {
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "client_key": str(host.client_key),
        "known_hosts": str(host.known_hosts),
    }


def allow_descriptors() -> None:
    """
    Raise this process's limit of open files, which its servers and clients inherit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _find_openssh(tell: Callable[[str], None]) -> list[Contestant]:
    if not (shutil.which("ssh") and shutil.which("sftp")):
        tell("openssh is left out: there is no ssh or no sftp on PATH")
        return []
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, timeout=ASK_LIMIT_S)
    library = Subject("target", (sys.executable, "-I"), "ssh", dict(os.environ))
    return [Contestant("openssh", library, "with_openssh.py", {"version": said.stderr.strip()})]


def _contestant(
    name: str, python: str, modules: tuple[str, ...], client: str, what: str
) -> Contestant:
    """
    Return the subject with the first of the modules that its interpreter has.

    :raises GateError: it has none, or cannot import it
    """
    command, environment = isolate(find_interpreter(python))
    if name not in ("stock", *PEERS):
        # A fork may be a tree on PYTHONPATH.
        command, environment = command[:1], {**os.environ, "PYTHONSAFEPATH": "1"}
    for module in modules:
        library = identify(Subject("target", command, module, environment))
        if library.identity["found"]:
            break
    if not library.identity["found"] or library.identity["error"]:
        raise GateError(
            f"{name} cannot be imported",
            wanted=f"{' or '.join(modules)} in {python}",
            got=library.identity["error"] or "no such module",
            exit_code=EXIT_UNKNOWN,
        )
    ask = (
        "import json; from importlib.metadata import distributions as every;"
        "print(json.dumps({one.metadata['Name']: one.version for one in every()}))"
    )
    done = subprocess.run(
        [*command, "-c", ask],
        env=environment,
        # Not the checkout, whose folders would be importable.
        cwd=Path(command[0]).parent,
        capture_output=True,
        text=True,
        timeout=ASK_LIMIT_S,
    )
    facts = {key: library.identity[key] for key in ("module", "version", "python")}
    facts |= {"what": what, "packages": json.loads(done.stdout)}
    return Contestant(name, library, client, facts)


def _install_release(requirement: str, tell: Callable[[str], None]) -> str:
    """
    Return the interpreter of a cached environment that has the release.

    :raises GateError: it cannot be installed
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(f"{sys.version} {requirement}".encode()).hexdigest()[:8]
    place = cache / "paramiko-patched" / "benchmarks" / f"{requirement.partition('=')[0]}-{key}"
    with _locked(place.with_suffix(".lock")):
        ready = place / "ready"
        if not ready.exists():
            shutil.rmtree(place, ignore_errors=True)
            _install([requirement], place, tell)
            ready.touch()
    return str(place / "bin" / "python")


def _install_fork(what: str, line: str, place: Path, tell: Callable[[str], None]) -> str:
    """
    Return the interpreter of a new environment that has the fork of a line.

    :raises GateError: it cannot be built or installed
    """
    path = Path(what).expanduser()
    _install([f"-Cupstream={line}", str(path.resolve()) if path.exists() else what], place, tell)
    return str(place / "bin" / "python")


def _install(arguments: list[str], place: Path, tell: Callable[[str], None]) -> None:
    tell(f"an environment for {arguments[-1]}")
    python = str(place / "bin" / "python")
    # Without its own pip, which takes longer to unpack than what is installed.
    make = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    for command in (make, [*pip, "--disable-pip-version-check", *arguments]):
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=INSTALL_LIMIT_S,
            )
            got = done.stderr.strip()[-300:] if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            got = str(error)
        if got:
            raise GateError(
                f"{arguments[-1]} cannot be installed",
                wanted="an environment with it",
                got=got,
                exit_code=EXIT_UNKNOWN,
            )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
