"""
Which paramiko is judged: the interpreter, the module, and what is known of it.

Role: called once a run, before any server is started. Asks ``clients/identify.py`` in the
interpreter itself and so imports no paramiko here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramiko_gate.errors import EXIT_UNKNOWN, GateError

IDENTIFY = Path(__file__).with_name("clients") / "identify.py"
IDENTIFY_TIMEOUT_S = 60.0
OLDEST_PYTHON = (3, 9)
STOCK_NAME = "paramiko"
OWN_NAME = "paramiko_patched"


@dataclass(frozen=True)
class Subject:
    """
    Name one library in one interpreter.

    :param str role: ``target`` or ``control``
    :param tuple interpreter: how it is started, with its options
    :param str module: import name
    :param dict environment: of every process that imports it
    :param dict identity: what ``clients/identify.py`` said of it
    :param bool is_fallback: nothing was installed under the stock name, so the gate judges the
        copy it came with
    """

    role: str
    interpreter: tuple[str, ...]
    module: str
    environment: dict[str, str]
    identity: dict[str, Any] = field(default_factory=dict)
    is_fallback: bool = False

    @property
    def title(self) -> str:
        """Return name and version as people say them; the drop-in calls itself what stock does."""
        known = self.identity.get("provenance") or self.identity
        return f"{self.module} {known.get('version', '')}".strip()


def find_target(module: str | None, python: str | None) -> Subject:
    """
    Return the library to judge.

    :param str module: import name, or None for ``paramiko`` with the gate's own copy as fallback
    :param str python: interpreter, or None for the one that runs the gate
    :raises GateError: there is no such interpreter or module, or it cannot be imported
    """
    interpreter = find_interpreter(python)
    wanted = module or STOCK_NAME
    subject = identify(_target(interpreter, wanted))
    if not subject.identity["found"] and module is None:
        own = identify(_target(sys.executable, OWN_NAME, is_fallback=True))
        if own.identity["found"]:
            subject = own
    if not subject.identity["found"]:
        raise GateError(
            f"there is no module {wanted} to judge",
            wanted=f"{wanted} importable by {interpreter}",
            got="no such module" + ("" if module else f", and no {OWN_NAME} beside the gate"),
            hint="name another one with --target, or its interpreter with --python",
        )
    if subject.identity["error"]:
        raise GateError(
            f"{subject.module} cannot be imported",
            wanted=f"import {subject.module} to succeed in {subject.interpreter[0]}",
            got=subject.identity["error"],
            hint="nothing can be said about a library that does not load",
            exit_code=EXIT_UNKNOWN,
        )
    return subject


def find_interpreter(python: str | None) -> str:
    """
    Return the absolute path of an interpreter, without following links: a virtual environment's
    interpreter is one.

    :raises GateError: there is none under that name, or it is too old, or it is no Python
    """
    if python is None:
        return sys.executable
    found = shutil.which(os.path.expanduser(python))
    if found is None:
        raise GateError(
            f"{python} is no interpreter",
            wanted="the name or path of a Python",
            got="no executable file of that name",
            hint="give the path, such as venv/bin/python",
        )
    found = os.path.abspath(found)
    version = _ask(
        [found, "-c", "import sys; print(*sys.version_info[:2])"],
        GateError(
            f"{python} is no interpreter",
            wanted="a program that runs Python code given with -c",
        ),
    ).split()
    if not all(word.isdigit() for word in version) or len(version) != 2:
        raise GateError(f"{python} is no Python", got=f"it answered {' '.join(version)!r}")
    if (int(version[0]), int(version[1])) < OLDEST_PYTHON:
        raise GateError(
            f"{python} is too old",
            wanted="Python {}.{} or later".format(*OLDEST_PYTHON),
            got=f"Python {'.'.join(version)}",
        )
    return found


def identify(subject: Subject) -> Subject:
    """Return the subject together with what its own interpreter says about it."""
    answer = _ask(
        [*subject.interpreter, str(IDENTIFY), subject.module],
        GateError(
            f"{subject.interpreter[0]} cannot say what {subject.module} is",
            exit_code=EXIT_UNKNOWN,
        ),
        subject.environment,
    )
    # The library may print while it is imported; the last line is ours.
    identity = json.loads(answer.splitlines()[-1])
    return Subject(
        subject.role,
        subject.interpreter,
        subject.module,
        subject.environment,
        identity,
        subject.is_fallback,
    )


def isolate(interpreter: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return how to start an interpreter so that it sees its own packages and no others."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME")
    }
    return (interpreter, "-I"), environment


def _target(interpreter: str, module: str, is_fallback: bool = False) -> Subject:
    # Without -I: the target may be reached through PYTHONPATH, as a staged tree is.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    return Subject("target", (interpreter,), module, environment, is_fallback=is_fallback)


def _ask(
    arguments: list[str], refusal: GateError, environment: dict[str, str] | None = None
) -> str:
    """Return what a program prints; raise ``refusal``, with what was got, when it does not."""
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IDENTIFY_TIMEOUT_S,
            env=environment,
            cwd=os.path.dirname(IDENTIFY),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        got = str(error)
    else:
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
        got = " | ".join(done.stderr.strip().splitlines()[-1:]) or f"status {done.returncode}"
    raise GateError(refusal.what, refusal.wanted, got, refusal.hint, refusal.exit_code)
