"""
The two libraries that are compared, and the servers they meet.
"""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path
from typing import Any

from paramiko_gate.control import build_control, refuse_patched
from paramiko_gate.errors import GateError
from paramiko_gate.servers.endpoint import Host
from paramiko_gate.target import (
    OWN_NAME,
    STOCK_NAME,
    Subject,
    find_interpreter,
    find_target,
    identify,
    isolate,
)

STOCK_VERSION = "5.1.0"
ASK_LIMIT_S = 60.0
#: Descriptors that servers and clients may want: four a connection, and room.
DESCRIPTORS = 16384


def find_subjects(stock_python: str | None, directory: Path) -> dict[str, Subject]:
    """
    Return stock and fork, by these names.

    The fork is ``paramiko_patched`` of the running interpreter. Stock is ``paramiko`` beside it,
    or else a throw-away environment with it, which pip may take some minutes to make.

    :param str stock_python: an interpreter that has stock, or None
    :param Path directory: where the environment is made; must not exist
    :raises GateError: one is not there, or stock is not stock
    """
    fork = find_target(OWN_NAME, None)
    return {"stock": _find_stock(stock_python, directory), "fork": fork}


def _find_stock(python: str | None, directory: Path) -> Subject:
    wanted = f"{STOCK_NAME}==={STOCK_VERSION}"
    if python is not None:
        command, environment = isolate(find_interpreter(python))
        given = identify(Subject("control", command, STOCK_NAME, environment))
        refuse_patched(given, f"{STOCK_NAME} of {python}")
        return given
    try:
        beside = find_target(STOCK_NAME, None)
        refuse_patched(beside, wanted)
    except GateError:
        return build_control(wanted, None, directory)
    if beside.identity["distribution_version"] != STOCK_VERSION:
        return build_control(wanted, None, directory)
    return beside


def describe(subject: Subject) -> dict[str, Any]:
    """
    Return what a reader of the figures has to know of a library, its cryptography included.
    """
    ask = "from importlib.metadata import version; print(version('cryptography'))"
    done = subprocess.run(
        [*subject.interpreter, "-c", ask],
        env=subject.environment,
        # Not the checkout, whose folders would be importable.
        cwd=Path(subject.interpreter[0]).parent,
        capture_output=True,
        text=True,
        timeout=ASK_LIMIT_S,
    )
    names = ("module", "version", "distribution_version", "python")
    known = {name: subject.identity[name] for name in names}
    return {**known, "cryptography": done.stdout.strip() or None}


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


def in_turns(subjects: dict[str, Subject], number: int) -> list[tuple[str, Subject]]:
    """
    Return the libraries in the order of a round: each is first in every other one.
    """
    order = list(subjects.items())
    return order if number % 2 == 0 else order[::-1]
