"""
One run of the gate: subjects, cases by pytest, verdict, reports.

Role: called by `paramiko_gate.cli`. Runs pytest in this process, with the gate's own cases and
configuration and nothing of the directory or environment it happens to be started in.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramiko_gate import report
from paramiko_gate.errors import EXIT_PASS, GateError
from paramiko_gate.output import write_report
from paramiko_gate.plugin import RECORD, SITE, SUBJECTS
from paramiko_gate.prepare import prepare_subjects
from paramiko_gate.servers.choice import choose_kind, run_chosen_site
from paramiko_gate.servers.endpoint import Site
from paramiko_gate.target import Subject
from paramiko_gate.verdict import EXIT_CODES, UNKNOWN, Record, judge

CASES = Path(__file__).with_name("cases")
# What a surrounding project sets for its own tests must not reach the gate's.
FOREIGN_SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


class Watcher:
    """
    Follow pytest as one of its plugins and keep what it says of each case.

    :param dict subjects: by role; the cases' fixtures take them, and the site, from here
    :param Site site: running servers; None when no case will be run
    :param Progress progress: told of each case that has ended; None when nothing is to be shown
    """

    def __init__(
        self,
        subjects: dict[str, Subject],
        site: Site | None,
        progress: report.Progress | None,
    ) -> None:
        self.records: dict[str, Record] = {}
        self.abouts: dict[str, str] = {}
        self.problems: list[str] = []
        self._subjects = subjects
        self._site = site
        self._progress = progress

    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the subjects and the servers to the cases."""
        config.stash[SUBJECTS] = self._subjects
        if self._site is not None:
            config.stash[SITE] = self._site

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn which cases will run."""
        for item in session.items:
            record = item.stash[RECORD]
            self.records[item.nodeid] = record
            assert isinstance(item, pytest.Function)
            self.abouts[record.case] = (item.function.__doc__ or "").strip()
        if self._progress is not None:
            self._progress.begin(len(self.records))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which case is under way."""
        if self._progress is not None:
            self._progress.start_case(self.records[nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note why a case is unknown: an exception, or a step that was left out."""
        record = self.records[report.nodeid]
        if report.when == "call":
            if report.outcome != "passed" and record.verdict == UNKNOWN:
                record.reason = last_line(report)
        elif report.outcome != "passed":
            record.verdict = UNKNOWN
            record.reason = f"{report.when}: {last_line(report)}"
        if report.when == "teardown" and self._progress is not None:
            self._progress.end_case(record)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file of cases that cannot be read."""
        if report.failed:
            self.problems.append(f"the cases cannot be read: {last_line(report)}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Note a failure of pytest's own."""
        self.problems.append(f"pytest failed: {str(excrepr).strip().splitlines()[-1]}")


def last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what an exception says, without where it was raised."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return " | ".join(line.strip() for line in text.strip().splitlines()[:3]) or "no message"


def list_cases(select: str | None) -> int:
    """Print each case with what it checks, and return the exit code."""
    watcher = Watcher({}, None, None)
    with tempfile.TemporaryDirectory(prefix="paramiko-gate-run-") as scratch:
        run_pytest(["--collect-only"], select, Path(scratch), watcher)
    report.print_list(watcher.abouts)
    return EXIT_PASS


def run_gate(options: argparse.Namespace) -> int:
    """
    Judge the target, and the control where one was asked for; return the exit code.

    Blocks for all cases: about a minute and a half for a target that passes, two with a control
    on top of it, and longer for a target that fails, since each wait is then used up.

    :param Namespace options: what `paramiko_gate.cli` has read
    :raises GateError: the run cannot begin, or a report cannot be written
    """
    started_s = time.monotonic()
    kind = choose_kind(options.server)
    console = report.make_console()
    with sigterm_as_interrupt(), tempfile.TemporaryDirectory(prefix="paramiko-gate-run-") as name:
        scratch = Path(name)
        if options.compare:
            console.print(f"installing the control {options.compare} ...", highlight=False)
        subjects = prepare_subjects(
            options.target, options.python, options.compare, scratch / "control"
        )
        report.print_subjects(console, subjects, kind)
        (scratch / "site").mkdir()
        with run_chosen_site(kind, scratch / "site") as site, report.Progress(console) as progress:
            watcher = Watcher(subjects, site, progress)
            arguments, junit = [], scratch / "junit.xml"
            if options.compare:
                arguments += ["--gate-compare", options.compare]
            if options.junitxml:
                arguments += ["--junitxml", str(junit)]
            status = run_pytest(arguments, options.select, scratch, watcher)
            suite = junit.read_text("utf-8") if junit.exists() else None
    if status == pytest.ExitCode.INTERRUPTED:
        watcher.problems.append("interrupted")
    records = list(watcher.records.values())
    verdict, reason = judge(records, watcher.problems, "control" in subjects)
    outcome = report.Outcome(
        subjects=subjects,
        kind=kind,
        records=records,
        abouts=watcher.abouts,
        verdict=verdict,
        reason=reason,
        duration_s=time.monotonic() - started_s,
    )
    report.print_outcome(console, outcome)
    if options.junitxml and suite is not None:
        write_report(options.junitxml, suite)
    if options.json:
        report.write_json(options.json, outcome)
    return EXIT_CODES[verdict]


def run_pytest(
    arguments: list[str], select: str | None, scratch: Path, watcher: Watcher
) -> int | pytest.ExitCode:
    """
    Run pytest on the cases, quietly, and return its exit status.

    :raises GateError: ``select`` is no expression, or matches no case
    """
    settings = scratch / "pytest.ini"
    settings.write_text("[pytest]\n", "ascii")
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "--capture=no"]
    own = ["-c", str(settings), "--rootdir", str(CASES)]
    selection = ["-k", select] if select else []
    said = io.StringIO()
    with own_settings(), contextlib.redirect_stderr(said):
        status = pytest.main(
            [
                *own,
                *quiet,
                "-p",
                "paramiko_gate.plugin",
                "--import-mode=importlib",
                *arguments,
                *selection,
                str(CASES),
            ],
            plugins=[watcher],
        )
    lines = said.getvalue().strip().splitlines()
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise GateError(
            f"no case matches -k {select}", hint="paramiko-gate run --list names them all"
        )
    if status == pytest.ExitCode.USAGE_ERROR:
        raise GateError(
            f"-k {select} is no expression" if select else "pytest cannot be run",
            wanted="names joined by and, or, not",
            got=" ".join(lines[-1:]),
        )
    if status == pytest.ExitCode.INTERNAL_ERROR and not watcher.problems:
        watcher.problems.append(f"pytest failed: {' '.join(lines[-1:])}")
    return status


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, which CI systems end a job with, clean up as Ctrl-C does; main thread only."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Take pytest's environment variables away until the block is left."""
    kept = {name: os.environ.pop(name) for name in FOREIGN_SETTINGS if name in os.environ}
    # Plugins of other distributions, also this gate's own entry point: it is named above.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update(kept)
