"""
Find the processes that use paramiko, and which one they have installed.

A process that has imported paramiko has loaded the libraries of the three packages it needs, and
their paths tell from which environment. Role: first stage of the doctor; reads only.
"""

from __future__ import annotations

import email.parser
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: Shared libraries of paramiko's requirements, by the start of their names in their packages.
LIBRARIES = {
    "cryptography": ("_rust.", "_openssl."),
    "nacl": ("_sodium.",),
    "bcrypt": ("_bcrypt.",),
}

#: Distributions that are a paramiko, and the package that each installs.
DISTRIBUTIONS = {"paramiko": "paramiko", "paramiko-patched": "paramiko_patched"}

#: So much of a command line is shown.
COMMAND_CHARACTERS = 60


@dataclass(frozen=True)
class Installation:
    """
    Name a paramiko that a process can import.

    :param str name: of the distribution
    :param str version: of the distribution
    :param bool is_fork: it has the provenance that our build writes
    """

    name: str
    version: str
    is_fork: bool

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({'fork' if self.is_fork else 'stock'})"


@dataclass
class Suspect:
    """
    Hold what is known of one process.

    :param int pid: the process
    :param float started: when, in seconds since the epoch; with the pid it is the process
    :param str command: the command line, shortened
    :param bool uses_paramiko: it has loaded what paramiko loads
    :param list installations: what it can import
    """

    pid: int
    started: float
    command: str
    uses_paramiko: bool
    installations: list[Installation] = field(default_factory=list)


@dataclass
class Census:
    """
    Hold the processes that were found.

    :param list suspects: those that use paramiko, or that were asked for
    :param list unreadable: pids of processes that may not be read by this user
    """

    suspects: list[Suspect] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


def take_census(pids: list[int]) -> Census:
    """
    Return the processes that use paramiko, or those that were asked for whether they do or not.

    :param list pids: what to look at; empty for all processes of the machine but this one
    :raises psutil.NoSuchProcess: one that was asked for is not there
    :raises psutil.AccessDenied: one that was asked for may not be read
    """
    census = Census()
    for pid in pids:
        census.suspects.append(_read_suspect(psutil.Process(pid)))
    if pids:
        return census
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            suspect = _read_suspect(process)
        except psutil.AccessDenied:
            census.unreadable.append(process.pid)
        except psutil.NoSuchProcess:
            continue  # it ended while we looked
        else:
            if suspect.uses_paramiko:
                census.suspects.append(suspect)
    return census


def shorten(words: list[str]) -> str:
    """Return a command line as it is shown: one line, printable, not too long."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(words))
    return text if len(text) <= COMMAND_CHARACTERS else text[: COMMAND_CHARACTERS - 1] + "…"


def _read_suspect(process: psutil.Process) -> Suspect:
    with process.oneshot():
        command = process.cmdline()
        found = _loaded_packages(process.pid)
        uses_paramiko = set(found) >= set(LIBRARIES)
        suspect = Suspect(
            process.pid,
            process.create_time(),
            shorten(command) or process.name(),
            uses_paramiko,
        )
        if uses_paramiko:
            # Where the libraries come from, a paramiko most likely does as well.
            places = [*_search_path(process), *dict.fromkeys(found.values())]
            suspect.installations.extend(dict.fromkeys(_installations(places)))
    return suspect


def _loaded_packages(pid: int) -> dict[str, Path]:
    """
    Return the directory that each of paramiko's needs was imported from.

    :raises psutil.AccessDenied: this user may not know
    """
    try:
        lines = Path(f"/proc/{pid}/maps").read_text("utf-8", errors="surrogateescape").splitlines()
    except PermissionError as error:
        raise psutil.AccessDenied(pid) from error
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    found: dict[str, Path] = {}
    for path in {line.split(maxsplit=5)[5] for line in lines if line.count("/")}:
        parts = Path(path).parts
        for package, starts in LIBRARIES.items():
            if package in parts and parts[-1].startswith(starts):
                found[package] = Path(*parts[: parts.index(package)])
    return found


def _search_path(process: psutil.Process) -> list[Path]:
    """Return what was put in front of the interpreter's own search path."""
    try:
        listed = process.environ().get("PYTHONPATH", "")
        here = process.cwd()
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return []
    return [Path(here, entry) for entry in listed.split(os.pathsep) if entry]


def _installations(places: list[Path]) -> Iterator[Installation]:
    for place in places:
        for metadata in sorted(place.glob("paramiko*.dist-info/METADATA")):
            fields = email.parser.Parser().parsestr(metadata.read_text("utf-8"), headersonly=True)
            package = DISTRIBUTIONS.get(str(fields["Name"]).lower().replace("_", "-"))
            if package is not None and (place / package).is_dir():
                yield Installation(
                    fields["Name"], fields["Version"], _has_provenance(place / package)
                )


def _has_provenance(package: Path) -> bool:
    try:
        return bool(json.loads((package / "_patched.json").read_text("utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
