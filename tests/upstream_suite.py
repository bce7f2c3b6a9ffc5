"""
Upstream's own test suite: taken from its sdist, run in an environment, compared.

The tests are copied without the package beside them, since a run in the
unpacked sdist would import that package and test stock whatever is installed.
"""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checkout import ROOT
from environment import Environment
from sdist import unpack

from vendoring.toml import parse_toml

SUITE_LIMIT_S = 1200
# Of one test of theirs; the slowest takes ten seconds.
TEST_LIMIT_S = 120

#: The files of which parts are run side by side, since a suite waits more than it works. The first
#: part is what the others leave: it makes keys, which takes longest where others work too.
PARTS = ((), ("test_sftp.py", "test_sftp_big.py"), ("test_client.py", "test_transport.py"))

# Worst first: a test that is reported more than once is what its worst report says.
STATUSES = ("failed", "skipped", "passed")


@dataclass(frozen=True)
class Run:
    """
    What one environment made of the suite.

    :param statuses: test id to ``passed``, ``failed`` or ``skipped``
    :param said: test id to the words of its failure
    """

    name: str
    statuses: Mapping[str, str]
    said: Mapping[str, str]
    seconds: float

    def of(self, status: str) -> set[str]:
        """
        Return the ids of the tests that ended so.
        """
        return {test for test, ended in self.statuses.items() if ended == status}

    @property
    def counts(self) -> tuple[int, int, int]:
        """
        How many tests passed, failed and were skipped.
        """
        counts = Counter(self.statuses.values())
        return counts["passed"], counts["failed"], counts["skipped"]


@dataclass(frozen=True)
class Deviation:
    """
    A test of theirs that cannot hold for us, why, and our test instead of it.

    :param lines: the releases whose suite has the test
    :param kinds: the kinds of distribution for which it cannot hold; empty for all
    """

    test: str
    lines: tuple[str, ...]
    reason: str
    replaced_by: str
    kinds: tuple[str, ...] = ()


@dataclass
class Verdict:
    """
    How a run of ours compares with one of stock.

    :param ours: tests that fail with us and not with stock
    :param idle: deviations that are none: the test passes, or is not there
    :param unsteady: tests that failed once and passed without the others
    """

    ours: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)


def read_deviations(path: Path) -> list[Deviation]:
    """
    Return the deviations of all lines, each with every field.
    """
    document = parse_toml(path.read_text(encoding="utf-8"))
    return [
        Deviation(
            entry["test"],
            tuple(entry["lines"]),
            entry["reason"],
            entry["replaced-by"],
            tuple(entry.get("kinds", ())),
        )
        for entry in document.get("deviation", [])
    ]


def missing_replacements(deviations: Sequence[Deviation]) -> list[str]:
    """
    Return those of our tests which deviations name and which do not exist.
    """
    missing = []
    for deviation in deviations:
        path, _, function = deviation.replaced_by.partition("::")
        file = ROOT / path
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not function or f"def {function}(" not in text:
            missing.append(deviation.replaced_by)
    return missing


def unpack_suite(sdist: Path, folder: Path, settings: Path) -> Path:
    """
    Copy the tests and their settings, and nothing else, out of an sdist.

    :param settings: what is taken for the ``pytest.ini`` of an sdist without one
    :returns: the directory to run pytest in
    """
    unpack(sdist, folder, lambda path: path.parts[:1] == ("tests",) or str(path) == "pytest.ini")
    ini = folder / "pytest.ini"
    assert ini.is_file() != settings.is_file(), f"one of {ini} and {settings}, not both or none"
    if settings.is_file():
        shutil.copy(settings, ini)
    return folder


def run_suite(
    environment: Environment,
    folder: Path,
    name: str,
    tests: Collection[str] = (),
    without: Collection[str] = (),
) -> Run:
    """
    Run the suite, or some of its tests, and return how each test ended.

    Blocks for as long as they take, twenty minutes at most.

    :param tests: ids or files; none means all
    :param without: files that are left out
    """
    report = folder / f"{name}.xml"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    command += [f"--junitxml={report}", f"--timeout={TEST_LIMIT_S}", *tests]
    command += [f"--ignore={file}" for file in without]
    done = environment.run(
        *command,
        cwd=folder,
        check=False,
        limit_s=SUITE_LIMIT_S,
        # An agent of the person's would answer for the suite's own.
        variables={"SSH_AUTH_SOCK": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode not in (0, 1):
        told = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise AssertionError(f"{name}: the suite did not run: {done.returncode}\n{told}")
    return read_report(report, name)


def read_report(report: Path, name: str) -> Run:
    """
    Return what a junit file says, by the ids that pytest takes.
    """
    root = ElementTree.parse(report).getroot()
    # nose writes no <testsuites> around it.
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    assert suite is not None
    statuses: dict[str, str] = {}
    said: dict[str, str] = {}
    for case in suite.findall("testcase"):
        file = case.get("file", "")
        module = file[: -len(".py")].replace("/", ".")
        inner = case.get("classname", "")[len(module) :].strip(".")
        test = "::".join(part for part in (file, *inner.split("."), case.get("name", "")) if part)
        failures = [*case.findall("failure"), *case.findall("error")]
        status = (
            "failed" if failures else "skipped" if case.find("skipped") is not None else "passed"
        )
        statuses[test] = min(status, statuses.get(test, status), key=STATUSES.index)
        if failures:
            said[test] = (failures[0].get("message") or "").splitlines()[0]
    return Run(name, statuses, said, float(suite.get("time", "0")))


def compare(
    ours: Run, stock: Run, deviations: Sequence[Deviation], again: Mapping[str, tuple[bool, bool]]
) -> Verdict:
    """
    Judge our run by stock's, test by test.

    A test that stock passes in any of its runs is not excused by another one.

    :param again: for tests that failed unlisted, whether they passed when run
        without the others: with us, with stock
    """
    verdict = Verdict()
    listed = {deviation.test for deviation in deviations}
    verdict.idle += sorted(listed - ours.of("failed"))
    verdict.idle += sorted(test for test in listed & ours.of("failed") - stock.of("passed"))
    for test in sorted(suspects(ours, deviations)):
        passes_with_us, passes_with_stock = again[test]
        if passes_with_us:
            verdict.unsteady.append(test)
        elif passes_with_stock or test in stock.of("passed"):
            verdict.ours.append(test)
    # A test that one of the two does not have, or skips, has not been compared.
    for test in sorted(stock.of("passed") - listed):
        if ours.statuses.get(test) in (None, "skipped"):
            verdict.ours.append(test)
    return verdict


def suspects(ours: Run, deviations: Sequence[Deviation]) -> set[str]:
    """
    Return the unlisted tests that failed with us, to be run again alone.
    """
    return ours.of("failed") - {deviation.test for deviation in deviations}


@dataclass(frozen=True)
class Suite:
    """
    One environment and the copy of the tests that is run in it.
    """

    name: str
    environment: Environment
    folder: Path
    renamed: tuple[int, int, int]

    def run(self, part: int) -> Run:
        """
        Run one of its `PARTS`, of which the first is all that the others are not.
        """
        files = [f"tests/{name}" for name in PARTS[part]]
        others = [f"tests/{name}" for names in PARTS for name in names if not files]
        return run_suite(self.environment, self.folder, f"{self.name}-{part}", files, others)

    def passes_alone(self, tests: Collection[str]) -> dict[str, bool]:
        """
        Say which of some tests pass when they are run without the others.
        """
        if not tests:
            return {}
        name = f"{self.name}-again"
        again = run_suite(self.environment, self.folder, name, sorted(tests)).of("passed")
        return {test: test in again for test in tests}


def whole(name: str, parts: Sequence[Run]) -> Run:
    """
    Return the run that some others are the parts of.
    """
    return Run(
        name,
        {test: status for part in parts for test, status in part.statuses.items()},
        {test: words for part in parts for test, words in part.said.items()},
        sum(part.seconds for part in parts),
    )


@dataclass(frozen=True)
class Line:
    """
    Everything that was run for one line.

    :param notes: what is worth knowing and no error
    """

    version: str
    suites: dict[str, Suite]
    runs: dict[str, Run]
    deviations: list[Deviation]
    notes: list[str] = field(default_factory=list)

    def deviations_of(self, kind: str) -> list[Deviation]:
        """
        Return the deviations of one kind of distribution.
        """
        return [each for each in self.deviations if not each.kinds or kind in each.kinds]

    def rows(self) -> list[tuple[str, str, int, int, int, int, int]]:
        """
        Return version, name, and passed, failed, listed, skipped and seconds of each run.

        Failures that are listed as deviations are not among the failed.
        """
        rows = []
        for run in self.runs.values():
            listed = {deviation.test for deviation in self.deviations_of(run.name)}
            passed, failed, skipped = run.counts
            excused = len(run.of("failed") & listed) if run.name != "stock" else 0
            told = (passed, failed - excused, excused, skipped, round(run.seconds))
            rows.append((self.version, run.name, *told))
        return rows
