"""
Each dependant's suite, run on stock and then on the drop-in of the same line.

Two dependants are run side by side, and one suite of a dependant at a time: some listen on a port
of their own choice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

# Test modules import `ecosystem.outcome` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from building import Builder
from checkout import ROOT, filled_wheelhouse
from ecosystem.dependants import Dependant, read_dependants
from ecosystem.outcome import Outcome, run_dependant

DEPENDANTS = read_dependants(Path(__file__).with_name("dependants.toml"))
SIDE_BY_SIDE = 2
COLUMNS = ("dependant", "line", "name", "passed", "failed", "skipped", "seconds")
ROWS: pytest.StashKey[list[tuple[object, ...]]] = pytest.StashKey()
NOTES: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="session")
def chosen(request: pytest.FixtureRequest) -> list[Dependant]:
    """
    Return the dependants that this session asks for, the longest first.
    """
    names = {
        str(item.callspec.params["outcome"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and "outcome" in item.fixturenames
    }
    return sorted((DEPENDANTS[name] for name in names), key=lambda item: -item.limit_s)


@pytest.fixture(scope="session")
def drop_ins(chosen: list[Dependant], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """
    Return the drop-in's wheel of each line that is asked for, built from the checkout.
    """
    folder, wheelhouse = tmp_path_factory.mktemp("drop-ins"), filled_wheelhouse()
    builder = Builder(folder / "builder", wheelhouse)
    settings = ("kind=dropin", f"wheelhouse={wheelhouse}")
    return {
        line: builder.wheel(ROOT, folder / line, f"upstream={line}", *settings)
        for line in sorted({dependant.line for dependant in chosen})
    }


@pytest.fixture(scope="session")
def futures(
    chosen: list[Dependant], tmp_path_factory: pytest.TempPathFactory, drop_ins: dict[str, Path]
) -> Iterator[dict[str, Future[Outcome]]]:
    """
    Start all suites that are asked for, so that a test waits for its own alone.
    """
    folder = tmp_path_factory.mktemp("suites")
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    yield {
        dependant.name: pool.submit(run_dependant, dependant, drop_ins, folder / dependant.name)
        for dependant in chosen
    }
    pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session", params=list(DEPENDANTS))
def outcome(request: pytest.FixtureRequest, futures: dict[str, Future[Outcome]]) -> Outcome:
    """
    Return what became of one dependant's suite, waiting for it.
    """
    done = futures[request.param].result()
    dependant = done.dependant
    title = f"{dependant.package} {dependant.version}"
    request.config.stash.setdefault(ROWS, []).extend(
        (title, dependant.line, run.name, *run.counts, round(run.seconds))
        for run in done.runs.values()
    )
    request.config.stash.setdefault(NOTES, []).extend(
        f"{title} on {dependant.line}, {name}: {test} failed once, not again"
        for test, passes in done.alone.items()
        for name, passed in zip(("dropin", "stock"), passes)
        if passed and test in done.runs[name].of("failed")
    )
    return done


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print the counts of every run as a table, whatever became of the comparison.
    """
    rows = terminalreporter.config.stash.get(ROWS, [])
    if not rows:
        return
    terminalreporter.section("suites of dependants")
    for row in (COLUMNS, ("---",) * len(COLUMNS), *rows):
        terminalreporter.write_line(f"| {' | '.join(map(str, row))} |")
    for note in terminalreporter.config.stash.get(NOTES, []):
        terminalreporter.write_line(note)
