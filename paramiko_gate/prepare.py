"""
Find the target and build the control.

Role: the one function that the command and the plugin both call before any case.
"""

from __future__ import annotations

import platform
from pathlib import Path

from paramiko_gate.control import build_control, read_requirement
from paramiko_gate.errors import EXIT_UNKNOWN, GateError
from paramiko_gate.target import Subject, find_target


def prepare_subjects(
    target: str | None, python: str | None, compare: str | None, directory: Path
) -> dict[str, Subject]:
    """
    Return the subjects by role.

    :param str target: import name, or None for the default and its fallback
    :param str python: interpreter of the target, or None for this one
    :param str compare: requirement of the control, or None for no control
    :param Path directory: where the control's environment is made
    :raises GateError: a subject is not there, cannot be imported, or the control is not stock
    """
    if not Path("/proc/self/task").is_dir():
        raise GateError(
            "the gate cannot measure on this system",
            wanted="Linux, whose /proc tells what every thread of a process does",
            got=platform.system(),
            exit_code=EXIT_UNKNOWN,
        )
    requirement = read_requirement(compare) if compare else None
    subjects = {"target": find_target(target, python)}
    if requirement is not None:
        # The interpreter that the target really runs on, which the fallback may have changed.
        interpreter = subjects["target"].interpreter[0]
        subjects["control"] = build_control(requirement, interpreter, directory)
    return subjects
