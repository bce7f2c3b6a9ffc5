"""
Upstream's own test suite: taken from its sdist, run in an environment, compared.

The tests are copied without the package beside them, since a run in the
unpacked sdist would import that package and test stock whatever is installed.
"""

from __future__ import annotations

import io
import tarfile
import tokenize
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from checkout import ROOT
from environment import Environment

from vendoring.rename import UPSTREAM_NAME, rename_names
from vendoring.toml import parse_toml

SUITE_LIMIT_S = 600
ALONE_LIMIT_S = 240
# Of one test of theirs; the slowest takes ten seconds.
TEST_LIMIT_S = 120

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

    def __str__(self) -> str:
        counts = Counter(self.statuses.values())
        told = ", ".join(f"{counts[status]} {status}" for status in reversed(STATUSES))
        return f"{self.name}: {told} in {self.seconds:.0f} s"


@dataclass(frozen=True)
class Deviation:
    """
    A test of theirs that cannot hold for us, why, and our test instead of it.
    """

    test: str
    reason: str
    replaced_by: str


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


def read_deviations(path: Path, line: str) -> list[Deviation]:
    """
    Return the deviations of one line, each with every field.
    """
    document = parse_toml(path.read_text(encoding="utf-8"))
    return [
        Deviation(entry["test"], entry["reason"], entry["replaced-by"])
        for entry in document.get("deviation", [])
        if line in entry["lines"]
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


def unpack_suite(sdist: Path, folder: Path) -> Path:
    """
    Copy the tests and their settings, and nothing else, out of an sdist.

    :returns: the directory to run pytest in
    """
    folder.mkdir(parents=True)
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            wanted = path.parts[:1] == ("tests",) or str(path) == "pytest.ini"
            data = archive.extractfile(member) if wanted and member.isfile() else None
            if data is not None:
                assert ".." not in path.parts
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data.read())
    return folder


def rename_suite(folder: Path, import_name: str, distribution: str) -> tuple[int, int, int]:
    """
    Let the tests import the package by another name.

    Rewritten are names, the targets of ``patch("...")``, and the distribution
    whose version is asked for; other strings, such as logger names, are part
    of what is tested.

    :returns: how many of the three there were
    """
    names = targets = versions = 0
    for path in sorted((folder / "tests").rglob("*.py")):
        before = path.read_text(encoding="utf-8")
        text = rename_names(before, import_name)
        names += text.count(import_name) - before.count(import_name)
        lines = text.splitlines(keepends=True)
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            # A call may be spread over lines.
            if token.type not in (tokenize.NL, tokenize.COMMENT)
        ]
        for first, second, string in reversed(list(zip(tokens, tokens[1:], tokens[2:]))):
            if string.type != tokenize.STRING or second.string != "(":
                continue
            bare = string.string.strip("\"'")
            if first.string == "patch" and bare.split(".")[0] == UPSTREAM_NAME:
                new, targets = import_name, targets + 1
            elif first.string == "version" and bare == UPSTREAM_NAME:
                new, versions = distribution, versions + 1
            else:
                continue
            row, column = string.start
            start = column + 1
            line = lines[row - 1]
            lines[row - 1] = line[:start] + new + line[start + len(UPSTREAM_NAME) :]
        path.write_text("".join(lines), encoding="utf-8")
    return names, targets, versions


def run_suite(
    environment: Environment, folder: Path, name: str, tests: Collection[str] = ()
) -> Run:
    """
    Run the suite, or some of its tests, and return how each test ended.

    Blocks for as long as they take, ten minutes at most.

    :param tests: ids; none means all
    """
    report = folder / f"{name}.xml"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    command += [f"--junitxml={report}", f"--timeout={TEST_LIMIT_S}", *tests]
    done = environment.run(
        *command,
        cwd=folder,
        check=False,
        limit_s=ALONE_LIMIT_S if tests else SUITE_LIMIT_S,
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
        elif passes_with_stock:
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

    def run(self) -> Run:
        """
        Run all of it.
        """
        return run_suite(self.environment, self.folder, self.name)

    def passes_alone(self, tests: Collection[str]) -> dict[str, bool]:
        """
        Say which of some tests pass when they are run without the others.
        """
        if not tests:
            return {}
        name = f"{self.name}-again"
        again = run_suite(self.environment, self.folder, name, sorted(tests)).of("passed")
        return {test: test in again for test in tests}


@dataclass(frozen=True)
class Line:
    """
    Everything that was run for one line.
    """

    version: str
    suites: dict[str, Suite]
    runs: dict[str, Run]
    deviations: list[Deviation]
    notes: list[str] = field(default_factory=list)
