"""
`paramiko-gate run` judges real libraries over real connections, and says so in its exit code.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Callable

import pytest

from paramiko_gate.report import abbreviate

#: For a test that installs a control of its own, which takes a minute on a busy machine.
INSTALLS_CONTROL = pytest.mark.ci("the environment `gate` has a control in the first ring")

RunGate = Callable[..., "subprocess.CompletedProcess[str]"]

STOCK = "paramiko===5.1.0"


def test_run_exits_1_when_target_is_stock(run_gate: RunGate, stock_python: str) -> None:
    """Stock fails, and what it does is said with figures. Reproduces paramiko#1277."""
    done = run_gate(
        "run", "--target", "paramiko", "--python", stock_python, "-k", "blocked_recv[killed]"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "paramiko 5.1.0 (stock)" in done.stdout.splitlines()[0]
    assert "the caller is never told that the proxy is gone\n  wanted: " in done.stdout
    assert "the dead session burns CPU\n  wanted: " in done.stdout
    assert "1 zombie, 3 descriptors" in done.stdout
    assert "verdict  FAIL  1 of 1 cases failed" in done.stdout


@INSTALLS_CONTROL
def test_run_exits_0_when_target_passes_what_the_control_fails(
    run_gate: RunGate, tmp_path: Path
) -> None:
    """The fork passes beside stock that fails, and the reports hold both."""
    out, xml = tmp_path / "out.json", tmp_path / "out.xml"
    done = run_gate(
        *("run", "--target", "paramiko_patched", "--compare", "==5.1.0"),
        *("-k", "idle[killed]", "--json", str(out), "--junitxml", str(xml)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict  pass  1 of 1 cases passed, the control failed 1 of 1" in done.stdout
    content = json.loads(out.read_text("utf-8"))
    assert content["verdict"] == "pass"
    assert content["control"]["distribution_version"] == "5.1.0"
    assert content["control"]["provenance"] is None
    assert content["target"]["module"] == "paramiko_patched"
    assert content["tested_own_copy"] is False
    case = content["cases"]["idle[killed]"]
    assert case["target"]["verdict"] == "pass"
    assert case["target"]["measured"]["detect_s"] < 2.0
    assert case["target"]["measured"]["cpu_fraction"] < case["control"]["measured"]["cpu_fraction"]
    assert case["control"]["verdict"] == "fail"
    assert case["control"]["measured"]["detect_s"] is None
    assert case["control"]["measured"]["left_over"]["zombies"] == 1
    suite = ElementTree.parse(xml).getroot()
    assert len(list(suite.iter("testcase"))) == 2
    assert not list(suite.iter("failure"))


@INSTALLS_CONTROL
def test_run_exits_3_when_the_control_is_the_fork(
    run_gate: RunGate, fork_wheel: Path, tmp_path: Path
) -> None:
    """A control that is patched is named as such, before any case is run, also in the report."""
    out = tmp_path / "out.json"
    out.write_text('{"verdict": "pass"}', "ascii")
    done = run_gate(
        *("run", "--target", "paramiko_patched", "--compare", str(fork_wheel)),
        *("--json", str(out)),
    )
    assert json.loads(out.read_text("utf-8"))["verdict"] == "unknown"
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr.startswith("the control is not stock\n  wanted: ")
    assert "it carries _patched.json" in done.stderr
    assert "/29" not in done.stdout


@INSTALLS_CONTROL
def test_run_exits_3_when_the_control_does_not_fail(
    run_gate: RunGate, doctored_wheel: Path
) -> None:
    """A control that passes as stock but survives proves that the gate proves nothing."""
    done = run_gate(
        *("run", "--target", "paramiko_patched", "--compare", str(doctored_wheel)),
        *("-k", "next_command[killed]"),
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "(stock)" in done.stdout
    assert "verdict  unknown  the control does not fail 1 of 1 cases" in done.stdout


def test_run_exits_3_when_a_check_raises(run_gate: RunGate, tmp_path: Path) -> None:
    """A case that cannot be made is unknown, and unknown is red."""
    (tmp_path / "hollow.py").write_text("ProxyCommandFailure = OSError\n", "ascii")
    done = run_gate(
        *("run", "--target", "hollow", "-k", "idle[killed]"),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the target could not be judged\n  got: " in done.stdout
    assert "cases: idle[killed]" in done.stdout
    assert "SSHClient" in done.stdout
    assert "verdict  unknown  1 of 1 checks could not be made" in done.stdout


def test_run_tests_its_own_copy_only_when_there_is_no_paramiko(
    run_gate: RunGate, stock_python: str, tmp_path: Path
) -> None:
    """Without `--target` the interpreter's paramiko is judged; the fallback is said loudly."""
    out = tmp_path / "out.json"
    selected = ("-k", "refused_by_bastion", "--json", str(out))
    own = run_gate("run", *selected)
    assert own.returncode == 0, own.stdout + own.stderr
    assert "the gate tests its own copy, not your paramiko" in own.stdout.split("servers")[0]
    assert "tested its own copy, not your paramiko" in own.stdout.split("verdict")[1]
    assert json.loads(out.read_text("utf-8"))["tested_own_copy"] is True
    theirs = run_gate("run", "--python", stock_python, *selected)
    assert theirs.returncode == 1, theirs.stdout + theirs.stderr
    assert "own copy" not in theirs.stdout
    assert json.loads(out.read_text("utf-8"))["target"]["module"] == "paramiko"


def test_run_works_on_a_machine_without_openssh(run_gate: RunGate, tmp_path: Path) -> None:
    """The embedded server takes the place of OpenSSH for real connections."""
    programs = tmp_path / "bin"
    programs.mkdir()
    cat = shutil.which("cat")
    assert cat is not None
    (programs / "cat").symlink_to(cat)
    done = run_gate(
        *("run", "--target", "paramiko_patched", "--server", "embedded"),
        *("-k", "blocked_read[terminated] or connect[closes-output] or refused_by_bastion"),
        env={**os.environ, "PATH": str(programs)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "servers  embedded (asyncssh)" in done.stdout
    assert "3 of 3 cases passed" in done.stdout


def test_run_leaves_no_process_and_no_directory(run_gate: RunGate, tmp_path: Path) -> None:
    """Servers, clients, proxies and scratch directories are gone when the command returns."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = run_gate(
        *("run", "--target", "paramiko_patched", "-k", "blocked_recv[exits-zero]"),
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(scratch.iterdir()) == []
    mentioned = [
        entry
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if str(scratch).encode() in _read_or_nothing(entry)
    ]
    assert mentioned == []


def _read_or_nothing(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_run_cleans_up_when_it_is_terminated(tmp_path: Path) -> None:
    """A run that is ended by SIGTERM in the middle of a case says unknown and leaves nothing."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "paramiko_gate", "run", "--target", "paramiko_patched"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as gate:
        assert gate.stdout is not None
        for line in gate.stdout:
            if line.startswith(" 1/"):
                break
        gate.terminate()
        rest = gate.stdout.read()
        assert gate.wait(30) == 3
    assert "verdict  unknown  interrupted" in rest
    assert list(scratch.iterdir()) == []


def test_run_imports_no_paramiko_of_any_name() -> None:
    """The harness judges a library that it has never loaded."""
    program = """
        import json, sys
        from paramiko_gate.cli import main
        status = main(["run", "--target", "paramiko_patched", "-k", "chatty_before_connect"])
        print(json.dumps(sorted(name for name in sys.modules if name.startswith("paramiko"))))
        sys.exit(status)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "paramiko_gate.run" in loaded
    assert [name for name in loaded if name.partition(".")[0] != "paramiko_gate"] == []


def test_abbreviate_names_a_moment_once_when_all_its_faults_are_meant() -> None:
    """A list of cases is short where it can be and complete everywhere else."""
    every = ["idle[killed]", "idle[exits-zero]", "connect[killed]", "connect[exits-zero]", "crowd"]
    assert abbreviate(every[:3] + every[4:], every) == "idle[*], connect[killed], crowd"
