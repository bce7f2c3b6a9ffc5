"""
The checks of the dependants' suites find what they are there to find.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ecosystem.dependants import Dependant, read_dependants, stale, unexplained
from ecosystem.trial import Trial, find_interpreter, nose_address, nothing_left, run_bounded
from environment import Environment
from upstream_suite import Run, read_report
from waiting import wait_ended

ENTRY = """\
[requirements]
pytest = ["pytest==9.2.0"]

[dependant.sample]
version = "1.0"
line = "5.1.0"
python = "3.11"
sdist = { file = "sample-1.0.tar.gz", size = 1, sha256 = "00" }
paths = ["tests"]
runner = "pytest"
tests = ["tests"]
passes = 2
limit-s = 60
uses = ["pytest"]
"""
UNFIT = """
[[dependant.sample.unfit]]
tests = ["a::x*", "b"]
outcome = "failed"
reason = "needs a server"

[[dependant.sample.unfit]]
tests = ["m"]
outcome = "machine"
reason = "reads a file of this machine"
"""


def read(tmp_path: Path, text: str) -> Dependant:
    """
    Return the only dependant of a list.
    """
    path = tmp_path / "dependants.toml"
    path.write_text(text, encoding="utf-8")
    return read_dependants(path)["sample"]


def run(**statuses: str) -> Run:
    """
    Return a run of tests that ended so.
    """
    return Run("stock", {name.replace("__", "::"): how for name, how in statuses.items()}, {}, 1.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("passes = 2", "passes = 0"),
        ("pytest==9.2.0", "pytest>=9"),
        ('runner = "pytest"', 'runner = "make"'),
        ('tests = ["tests"]\n', ""),
        ("limit-s", "limit"),
        ('uses = ["pytest"]', 'neads = ["account"]\nuses = ["pytest"]'),
        ('outcome = "failed"', 'outcome = "passed"'),
        ('reason = "needs a server"', 'reason = ""'),
    ],
)
def test_read_dependants_refuses_entry_that_checks_nothing(
    tmp_path: Path, old: str, new: str
) -> None:
    """
    No number, no exact version, an unknown word or no reason: none is passed over.
    """
    assert read(tmp_path, ENTRY + UNFIT).requirements == ("pytest==9.2.0",)
    assert old in ENTRY + UNFIT
    with pytest.raises((AssertionError, KeyError)):
        read(tmp_path, (ENTRY + UNFIT).replace(old, new, 1))


def test_unexplained_names_tests_that_no_entry_covers(tmp_path: Path) -> None:
    """
    An entry excuses the outcome it names, and no other.
    """
    sample = read(tmp_path, ENTRY + UNFIT)
    assert unexplained(run(a__x1="failed", b="failed", m="skipped", c="passed"), sample) == set()
    assert unexplained(run(a__x1="skipped", b="failed", m="failed"), sample) == {"a::x1"}
    assert unexplained(run(a__y="failed", m="passed"), sample) == {"a::y"}


def test_stale_names_entries_that_describe_nothing(tmp_path: Path) -> None:
    """
    A listed test that passes with stock, or is gone, is an error.
    """
    sample = read(tmp_path, ENTRY + UNFIT)
    assert stale(run(a__x1="failed", a__x2="failed", b="failed", m="passed"), sample) == []
    assert stale(run(a__x1="failed", a__x2="passed", b="failed", m="failed"), sample) == [
        "a::x*: failed, passed"
    ]
    assert stale(run(a__x1="failed"), sample) == ["b: no such test", "m: no such test"]


def test_run_bounded_ends_everything_when_time_is_up(tmp_path: Path) -> None:
    """
    A suite that hangs is ended with the programs it has started.
    """
    (tmp_path / "suite").mkdir()
    code = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']);"
        "print(child.pid, flush=True); child.wait()"
    )
    begin = time.monotonic()
    with pytest.raises(AssertionError, match="no end within 3 s"):
        run_bounded([sys.executable, "-c", code], tmp_path / "suite", 3, {})
    assert time.monotonic() - begin < 30
    wait_ended(int((tmp_path / "said.txt").read_text(encoding="utf-8")))


def test_run_bounded_gives_status_and_words(tmp_path: Path) -> None:
    """
    A suite that ends has its say.
    """
    (tmp_path / "suite").mkdir()
    command = [sys.executable, "-c", "print('ten failed'); raise SystemExit(1)"]
    assert run_bounded(command, tmp_path / "suite", 30, {}) == (1, "ten failed\n")


def test_find_interpreter_names_version_that_is_missing() -> None:
    """
    A dependant is not skipped because there is no Python for it.
    """
    assert find_interpreter("{}.{}".format(*sys.version_info)) == sys.executable
    with pytest.raises(AssertionError, match=r"Python 3\.1 is missing"):
        find_interpreter("3.1")


def test_nothing_left_removes_what_is_new_alone(tmp_path: Path) -> None:
    """
    What was there before the suite is somebody else's.
    """
    (tmp_path / "old").touch()
    with nothing_left([f"{tmp_path}/o*", f"{tmp_path}/n*"]):
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "file").touch()
        (tmp_path / "other").touch()
        (tmp_path / "untold").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "untold"]


def test_report_of_nose_is_read_and_its_tests_are_found_again(tmp_path: Path) -> None:
    """
    nose has no files in its report, and runs a generator's tests together.
    """
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuite name="nosetests" tests="2">'
        '<testcase classname="test_a.A" name="test_x(1,)"><error message="no"/></testcase>'
        '<testcase classname="test_a.A" name="test_y"/>'
        "</testsuite>",
        encoding="utf-8",
    )
    statuses = read_report(report, "stock").statuses
    assert statuses == {"test_a::A::test_x(1,)": "failed", "test_a::A::test_y": "passed"}
    addresses = [nose_address(test, "tests") for test in statuses]
    assert addresses == ["tests/test_a.py:A.test_x", "tests/test_a.py:A.test_y"]


def test_trial_knows_a_test_by_one_name_in_every_folder(tmp_path: Path) -> None:
    """
    A test whose parameter is a path into its suite is the same test on stock and on ours.
    """
    sample = read(tmp_path, ENTRY)
    suite = tmp_path / "stock" / "suite"
    (suite / "tests").mkdir(parents=True)
    (suite / "tests" / "test_a.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('path', [__file__])\n"
        "def test_x(path): assert path\n",
        encoding="utf-8",
    )
    environment = SimpleNamespace(python=sys.executable, folder=Path(sys.prefix))
    trial = Trial("stock", sample, cast("Environment", environment), suite, {})
    test = "tests/test_a.py::test_x[{suite}/tests/test_a.py]"
    assert trial.run().statuses == {test: "passed"}
    assert trial.passes_alone({test}) == {test: True}
