"""
What tox does not say by itself: first what is missing, then how far it is, and at the very end what
failed, why, and how to repeat just that. tox loads this file because of its name.
"""

from __future__ import annotations

import atexit
import os
import shlex
import sys
import time
from pathlib import Path

from tox.config.sets import ConfigSet
from tox.execute.api import Outcome
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.api import ToxEnv

from paramiko_gate.errors import GateError
from paramiko_gate.servers.openssh_tools import INSTALL_HINT, require_all

RED = "red.txt"
_states: list[State] = []

#: What each environment took so far, and when the next one began.
_times_s: dict[str, float] = {}
_marks_s = [time.monotonic()]


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """
    Keep what knows all environments of this run; of those run in parallel, each is a run.
    """
    if not _states and "TOX_PARALLEL_ENV" not in os.environ:
        atexit.register(_report)
        _say_what_is_missing()
    _states[:] = [state]


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """
    Say what runs, how far that is, and what is still to come.
    """
    (tox_env.env_dir / RED).unlink(missing_ok=True)
    names = _names()
    place = names.index(tox_env.name)
    rest = ", ".join(names[place + 1 :]) or "nothing"
    description = tox_env.conf["description"]
    print(f"environment {place + 1} of {len(names)}, {tox_env.name}: {description}")
    print(f"still to come: {rest}", flush=True)


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: list[Outcome]) -> None:
    """
    Note a failure of which pytest has not written down more.
    """
    _marks_s.append(time.monotonic())
    _times_s[tox_env.name] = _marks_s[-1] - _marks_s[-2]
    path = tox_env.env_dir / RED
    if exit_code and not path.exists():
        last = shlex.join(outcomes[-1].cmd) if outcomes else "nothing was run"
        path.write_text(f"exit status {exit_code}: {last}\n  repeat: tox -e {tox_env.name}\n")


def _say_what_is_missing() -> None:
    try:
        require_all()
    except GateError as error:
        becomes = "fail, since this is CI" if os.environ.get("CI") else "are left out"
        print(f"{error.what}: the tests that need OpenSSH {becomes}", file=sys.stderr)
        print(f"  hint: {INSTALL_HINT}", file=sys.stderr, flush=True)


def _names() -> list[str]:
    return list(_states[0].envs.iter())


def _report() -> None:
    """
    Print what took how long, and what the environments of this run have noted.

    Who runs tox more than once names a file in `CI_TIMES`, to which each run adds.
    """
    times = [f"{name} {took_s:.0f} s" for name, took_s in _times_s.items()]
    if times:
        total_s = _marks_s[-1] - _marks_s[0]
        took = f"took {total_s:.0f} s: {', '.join(times)}"
        print(f"\n{took}", flush=True)
        if os.environ.get("CI_TIMES"):
            with open(os.environ["CI_TIMES"], "a", encoding="utf-8") as file:
                file.write(f"{took}\n")
    folder = Path(_states[0].conf.core["work_dir"])
    for name in _names():
        path = folder / name / RED
        if path.exists():
            print(f"\n{name} failed:\n{path.read_text(encoding='utf-8')}", end="", flush=True)
