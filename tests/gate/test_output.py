"""
Reports go to what they are given, and what cannot be written is no verdict.

Devices and pipes are made for each test in a folder of its own. The system's own are never named
as the path of a report.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest
from waiting import Call

from paramiko_gate.errors import EXIT_UNKNOWN, GateError
from paramiko_gate.output import refuse_bad_reports, write_report

#: Numbers of the device that takes everything, and of the one that is always full.
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")

#: A case that takes a few seconds.
QUICK = ("run", "--target", "paramiko_patched", "-k", "refused_by_bastion")


def make_device(path: Path, numbers: int) -> Path:
    """
    Return a device made at a path, or skip where that cannot be, as in some containers.

    In CI that fails: no test may be left out there unnoticed.
    """
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, numbers)
        path.open("wb").close()
    except OSError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"no devices can be made and opened here: {error}")
    return path


def run_gate_into(stdout: int | IO[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run the gate that is installed, with its standard output somewhere.
    """
    return subprocess.run(
        [sys.executable, "-m", "paramiko_gate", *arguments],
        stdin=subprocess.DEVNULL,
        # Not where a checkout would be found.
        cwd=os.path.dirname(sys.executable),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=240,
    )


def test_run_writes_through_links_and_pipes_and_leaves_them_there(tmp_path: Path) -> None:
    """
    A link goes on leading to its file, which is the report; who reads the pipe reads the other.
    """
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    file.write_text("an earlier report", "ascii")
    link.symlink_to(file)
    os.mkfifo(pipe)
    reading = Call(pipe.read_text, "utf-8")

    done = run_gate_into(subprocess.DEVNULL, *QUICK, "--json", str(link), "--junitxml", str(pipe))

    assert done.returncode == 0, done.stderr
    assert link.is_symlink()
    assert json.loads(file.read_text("utf-8"))["verdict"] == "pass"
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert reading.result(10).startswith("<?xml")
    assert sorted(tmp_path.iterdir()) == [file, link, pipe]


@AS_ROOT
def test_run_writes_into_a_device_and_leaves_it_there(tmp_path: Path) -> None:
    """
    Both reports, of which pytest writes one.
    """
    one, other = make_device(tmp_path / "one", NULL), make_device(tmp_path / "other", NULL)
    done = run_gate_into(subprocess.DEVNULL, *QUICK, "--json", str(one), "--junitxml", str(other))
    assert done.returncode == 0, done.stderr
    for device in (one, other):
        assert stat.S_ISCHR(device.lstat().st_mode)
        assert device.lstat().st_rdev == NULL


@AS_ROOT
@pytest.mark.parametrize("option", ["--json", "--junitxml"])
def test_run_exits_3_when_a_report_cannot_be_written(tmp_path: Path, option: str) -> None:
    """
    The case has passed, and whoever asked for the report does not get it.
    """
    device = make_device(tmp_path / "full", FULL)
    done = run_gate_into(subprocess.DEVNULL, *QUICK, option, str(device))
    assert done.returncode == EXIT_UNKNOWN
    assert done.stderr.startswith("a report could not be written\n")
    assert f"{device}: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert device.lstat().st_rdev == FULL


@pytest.mark.parametrize("arguments", [("run", "--list"), ("doctor", "--json")], ids=" ".join)
def test_command_exits_3_when_standard_output_is_full(arguments: tuple[str, ...]) -> None:
    """
    Nobody has seen what it said, so nobody may go by its exit code.
    """
    with open("/dev/full", "w") as full:
        done = run_gate_into(full, *arguments)
    assert done.returncode == EXIT_UNKNOWN
    assert done.stderr.startswith("the standard output cannot be written\n  got: No space left")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_run_is_unknown_when_standard_output_is_full(tmp_path: Path) -> None:
    """
    The report says so as well.
    """
    out = tmp_path / "out.json"
    out.write_text('{"verdict": "pass"}', "ascii")
    with open("/dev/full", "w") as full:
        done = run_gate_into(full, *QUICK, "--json", str(out))
    assert done.returncode == EXIT_UNKNOWN
    assert "the standard output cannot be written" in done.stderr
    assert json.loads(out.read_text("utf-8"))["verdict"] == "unknown"


def test_command_exits_3_when_nobody_reads_its_output() -> None:
    """
    As in ``paramiko-gate run | true``.
    """
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_gate_into(writing, "run", "--list")
    finally:
        os.close(writing)
    assert done.returncode == EXIT_UNKNOWN
    assert done.stderr.startswith("the standard output cannot be written\n  got: Broken pipe")


def test_report_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """
    A text that cannot be encoded stops in the middle, and the earlier report stays, alone.
    """
    file = tmp_path / "file"
    file.write_text("an earlier report", "ascii")
    with pytest.raises(UnicodeEncodeError):
        write_report(file, "x" * 100_000 + "\ud800")
    assert file.read_text("ascii") == "an earlier report"
    write_report(file, "a new one")
    assert file.read_text("ascii") == "a new one"
    assert list(tmp_path.iterdir()) == [file]


def test_link_to_nothing_leads_to_the_report(tmp_path: Path) -> None:
    """
    What it names is made, and the link stays.
    """
    link = tmp_path / "link"
    link.symlink_to("file")
    refuse_bad_reports([link])
    write_report(link, "report")
    assert link.is_symlink()
    assert (tmp_path / "file").read_text("ascii") == "report"


def test_report_into_a_pipe_without_a_reader_is_refused(tmp_path: Path) -> None:
    """
    Nobody waits for a reader that does not come.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refuse_bad_reports([pipe])
    error = Call(write_report, pipe, "report").error(10)
    assert isinstance(error, GateError)
    assert error.exit_code == EXIT_UNKNOWN


def test_looking_whether_a_report_can_be_written_does_not_end_who_reads_a_pipe(
    tmp_path: Path,
) -> None:
    """
    A reader that is there before the run has not to see an end of its input.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as cat:
        refuse_bad_reports([pipe])
        Call(_write_once_read, pipe).result(10)
        output, _ = cat.communicate(timeout=10)
    assert output == b"report"


def _write_once_read(pipe: Path) -> None:
    """Write a report as soon as there is a reader, in bounded time."""
    tries = threading.Event()
    for _ in range(500):
        try:
            write_report(pipe, "report")
        except GateError:
            tries.wait(0.02)
        else:
            return


def test_report_in_place_of_standard_output_is_refused(tmp_path: Path) -> None:
    """
    It would replace the file that the verdict goes to.
    """
    out = tmp_path / "out"
    with out.open("w") as stdout:
        done = run_gate_into(stdout, *QUICK, "--json", str(out))
    assert done.returncode == 2
    assert "is the standard output" in done.stderr
