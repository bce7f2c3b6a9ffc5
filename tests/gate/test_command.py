"""
The command line refuses what cannot work: what, wanted, got, hint, and before anything is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

import paramiko_gate
from paramiko_gate.target import Subject

#: For a test that installs a control of its own, which takes a minute on a busy machine.
INSTALLS_CONTROL = pytest.mark.ci("the environment `gate` has a control in the first ring")

RunGate = Callable[..., "subprocess.CompletedProcess[str]"]


def assert_refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """
    Check that a call was refused in the form that every refusal has.
    """
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert not lines[0].startswith(" ")
    assert all(line.startswith(("  wanted: ", "  got: ", "  hint: ")) for line in lines[1:])
    for word in words:
        assert word in done.stderr
    assert "verdict" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("no command",)),
        (("run", "--server", "putty"), ("--server", "putty")),
        (("run", "--nonsense"), ("--nonsense",)),
        (("run", "--python", "/nonexistent/python"), ("/nonexistent/python is no interpreter",)),
        (("run", "--python", "true"), ("true is no interpreter",)),
        (("run", "--python", "echo"), ("echo is no Python",)),
        (("run", "--target", "no_such_library"), ("no module no_such_library",)),
        (("run", "--target", "no.such.library"), ("no module no.such.library",)),
        (("run", "--compare", "?"), ("--compare ? is no requirement",)),
        (("run", "--compare", "asyncssh===2.24.1"), ("is no paramiko", "asyncssh")),
        (("run", "--compare", "missing-1.0-py3-none-any.whl"), ("is not there",)),
        (("run", "--compare", "nonsense.whl"), ("is no wheel",)),
        (("run", "--target", "paramiko_patched", "-k", "no_such_case"), ("no case matches",)),
        (("run", "--target", "paramiko_patched", "-k", "and and"), ("is no expression",)),
    ],
)
def test_run_exits_2_when_called_wrongly(
    run_gate: RunGate, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A wrong call is refused with what is wrong."""
    assert_refused(run_gate(*arguments), 2, *words)


def test_run_exits_3_when_the_target_cannot_be_imported(run_gate: RunGate, tmp_path: Path) -> None:
    """A library that does not load is named with its own error."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('torn')\n", "ascii")
    done = run_gate("run", "--target", "broken", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert_refused(done, 3, "broken cannot be imported", "RuntimeError: torn")


def test_run_takes_no_bare_folder_for_a_library(run_gate: RunGate, tmp_path: Path) -> None:
    """A folder without __init__ on the path is not the library that it is named after."""
    (tmp_path / "bare_folder").mkdir()
    (tmp_path / "bare_folder" / "proxy.py").touch()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert_refused(run_gate("run", "--target", "bare_folder", env=environment), 2, "no module")


@INSTALLS_CONTROL
def test_run_exits_3_when_the_control_cannot_be_installed(run_gate: RunGate) -> None:
    """A release that does not exist leaves the run without a control, and pip's reason is told."""
    done = run_gate("run", "--target", "paramiko_patched", "--compare", "==0.0.0.1")
    assert_refused(done, 3, "the control paramiko===0.0.0.1 cannot be installed", "ERROR")


def test_run_refuses_reports_that_cannot_be_written_before_it_runs(
    run_gate: RunGate, tmp_path: Path
) -> None:
    """All bad report paths are named at once, and a good one is not touched."""
    good = tmp_path / "good.json"
    done = run_gate("run", "--json", str(good), "--junitxml", str(tmp_path / "no" / "out.xml"))
    assert_refused(done, 2, "a report cannot be written", "out.xml: No such file or directory")
    assert not good.exists()
    both = run_gate("run", "--json", str(tmp_path), "--junitxml", "/proc/out.xml")
    assert_refused(both, 2, f"{tmp_path}: is a directory", "/proc/out.xml: ")
    twice = run_gate("run", "--json", str(good), "--junitxml", str(good))
    assert_refused(twice, 2, "named twice")


def test_list_names_each_case_and_what_it_checks(run_gate: RunGate) -> None:
    """`--list` runs nothing and names every fault at every moment."""
    done = run_gate("run", "--list")
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    for moment in ("idle", "blocked_recv", "blocked_read", "connect", "next_command"):
        for fault in ("killed", "terminated", "exits-zero", "exits-nonzero", "closes-output"):
            assert f"{moment}[{fault}]" in names
    assert {"refused_by_bastion", "chatty_during_session", "crowd"} <= set(names)
    assert all(len(line.split()) > 3 for line in done.stdout.splitlines())
    selected = run_gate("run", "--list", "-k", "crowd")
    assert len(selected.stdout.splitlines()) == 1


def test_command_says_in_one_line_what_to_install_without_the_extra(tmp_path: Path) -> None:
    """Without the extra there is one line and exit code 2, not a traceback."""
    package = Path(paramiko_gate.__file__).parent
    shutil.copytree(package, tmp_path / "paramiko_gate")
    program = "import sys; sys.path.insert(0, sys.argv.pop()); from paramiko_gate.cli import main"
    done = subprocess.run(
        # Without site-packages: an interpreter as bare as it gets.
        [sys.executable, "-I", "-S", "-c", f"{program}; sys.exit(main(['run']))", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "paramiko-gate needs pytest, psutil, rich, packaging: "
        "pip install 'paramiko-patched[gate]'\n"
    )


def test_output_has_no_colour_when_it_is_no_terminal(run_gate: RunGate) -> None:
    """A pipe gets plain text, also where something asks for colour in vain."""
    done = run_gate("run", "--target", "paramiko_patched", "-k", "refused_by_bastion")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "1/1 refused_by_bastion target: pass" in done.stdout


def test_run_ignores_the_pytest_settings_of_the_directory_it_is_started_in(
    run_gate: RunGate, tmp_path: Path
) -> None:
    """A project's own configuration, conftest and environment do not reach the gate's cases."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", "ascii")
    (elsewhere / "conftest.py").write_text("raise RuntimeError('read')\n", "ascii")
    environment = {**os.environ, "PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "nothing"}
    done = run_gate(
        "run", "--target", "paramiko_patched", "-k", "refused_by_bastion", env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_library_is_named_by_its_provenance_where_it_has_one() -> None:
    """
    The drop-in's own ``__version__`` is that of stock.
    """
    stock = {"version": "5.1.0", "provenance": None}
    fork = {"version": "5.1.0", "provenance": {"version": "5.1.0+patched.1"}}
    titles = [Subject("target", (), "paramiko", {}, known).title for known in (stock, fork)]
    assert titles == ["paramiko 5.1.0", "paramiko 5.1.0+patched.1"]
