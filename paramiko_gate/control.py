"""
The control: a stock paramiko in a throw-away environment, to prove that the gate can fail.

Role: called once a run with ``--compare``. Writes only into the directory it is given.
"""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from paramiko_gate.errors import EXIT_UNKNOWN, GateError
from paramiko_gate.target import STOCK_NAME, Subject, find_interpreter, identify, isolate

INSTALL_TIMEOUT_S = 180.0
INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-compile")


def read_requirement(text: str) -> str:
    """
    Return what pip is asked for.

    ``==X`` is taken as ``===X``: two equals signs would also be satisfied by a patched ``X+local``.

    :param str text: a requirement on paramiko, a bare ``==X``, or the path of a wheel
    :raises GateError: it is none of these
    """
    if text.endswith(".whl"):
        return _read_wheel(text)
    bare = text.startswith("=")
    try:
        requirement = Requirement(f"{STOCK_NAME}{text}" if bare else text)
    except InvalidRequirement as error:
        raise GateError(
            f"--compare {text} is no requirement",
            wanted=f"{STOCK_NAME}===X.Y.Z, ==X.Y.Z, or the path of a wheel",
            got=str(error).splitlines()[0],
        ) from None
    if canonicalize_name(requirement.name) != STOCK_NAME:
        raise GateError(
            f"--compare {text} is no {STOCK_NAME}",
            wanted=f"a release of {STOCK_NAME}",
            got=requirement.name,
        )
    specifiers = ",".join(
        f"==={item.version}" if item.operator == "==" and "*" not in item.version else str(item)
        for item in requirement.specifier
    )
    return f"{STOCK_NAME}{specifiers}"


def _read_wheel(text: str) -> str:
    path = Path(text).expanduser()
    try:
        parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise GateError(f"--compare {text} is no wheel", got=str(error)) from None
    if not path.is_file():
        raise GateError(
            f"--compare {text} is not there", wanted="the path of a wheel", got="no such file"
        )
    _refuse_patched_wheel(path)
    return str(path.resolve())


def _refuse_patched_wheel(path: Path) -> None:
    """
    Refuse a wheel that says itself that it is not stock, before minutes are spent on it.

    :raises GateError: it does, or cannot be read
    """
    name, version, _, _ = parse_wheel_filename(path.name)
    try:
        with zipfile.ZipFile(path) as wheel:
            carries = any(file.endswith("/_patched.json") for file in wheel.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise GateError(f"--compare {path} cannot be read", got=str(error)) from None
    _refuse(str(path), name, version.local, carries)


def build_control(requirement: str, python: str | None, directory: Path) -> Subject:
    """
    Install the control into a new environment and return it, proven to be stock.

    Blocks for pip, at most `INSTALL_TIMEOUT_S` seconds.

    :param str requirement: what `read_requirement` returned
    :param str python: the interpreter that the target runs on, so that both run on the same
    :param Path directory: a new one, in which the environment is made
    :raises GateError: it cannot be installed, or is not stock; nothing is known then
    """
    _run([find_interpreter(python), "-m", "venv", str(directory)], requirement)
    interpreter = directory / ("Scripts" if os.name == "nt" else "bin") / "python"
    command, environment = isolate(str(interpreter))
    _run(
        # Not compiled: most of what is installed will never be imported.
        [*command, "-m", "pip", *INSTALL, requirement],
        requirement,
    )
    control = identify(Subject("control", command, STOCK_NAME, environment))
    refuse_patched(control, requirement)
    return control


def refuse_patched(control: Subject, requirement: str) -> None:
    """
    Let only stock through: no provenance of ours, no local part in its version.

    :raises GateError: the control is something else, so that its failing would prove nothing
    """
    identity = control.identity
    if not identity["found"] or identity["error"]:
        raise GateError(
            f"the control {requirement} cannot be imported",
            wanted=f"a module {control.module}",
            got=identity["error"] or "no such module was installed",
            exit_code=EXIT_UNKNOWN,
        )
    try:
        local = Version(identity["distribution_version"]).local
    except InvalidVersion:
        local = None
    _refuse(requirement, identity["distribution"], local, identity["provenance"] is not None)


def _refuse(requirement: str, name: str, local: str | None, carries_provenance: bool) -> None:
    reasons = []
    if canonicalize_name(name or "unknown") != STOCK_NAME:
        reasons.append(f"its distribution is {name or 'unknown'}")
    if local:
        reasons.append(f"its version has the local part {local}")
    if carries_provenance:
        reasons.append("it carries _patched.json")
    if reasons:
        raise GateError(
            "the control is not stock",
            wanted=f"{STOCK_NAME} as released",
            got=f"{requirement}: {'; '.join(reasons)}",
            hint=f"compare with {STOCK_NAME}===X.Y.Z",
            exit_code=EXIT_UNKNOWN,
        )


def _run(arguments: list[str], requirement: str) -> None:
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        got = str(error)
    else:
        if done.returncode == 0:
            return
        said = [line for line in (done.stderr + done.stdout).splitlines() if "ERROR" in line]
        got = " | ".join(said[-2:]) or f"{' '.join(arguments[:4])}: status {done.returncode}"
    raise GateError(
        f"the control {requirement} cannot be installed",
        wanted="a virtual environment with it",
        got=got,
        hint="give a released version that this interpreter can run; pip's own settings hold",
        exit_code=EXIT_UNKNOWN,
    )
