"""
Upstream's suite, run once per line on stock and on both kinds of the fork.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from building import KINDS, Builder
from checkout import ROOT, filled_wheelhouse
from environment import Environment
from upstream_suite import Line, Suite, read_deviations, rename_suite, unpack_suite

from vendoring import pins
from vendoring.acquire import fetch
from vendoring.pinfile import read_pins
from vendoring.verify import verify_artefact

PINS = read_pins(ROOT)
HERE = Path(__file__).parent
RUNS: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="session", params=sorted(PINS.lines))
def line(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Line]:
    """
    Return the runs of one line: stock, namespaced and dropin.
    """
    pinned = PINS.lines[request.param]
    folder = tmp_path_factory.mktemp(pinned.version)
    wheelhouse = filled_wheelhouse()
    sdist = fetch(pinned.sdist, pinned.version, wheelhouse)
    verify_artefact(sdist, pinned.sdist)
    builder = Builder(folder / "builder", wheelhouse)
    wheels = {"stock": wheelhouse / pinned.wheel.file}
    for kind in KINDS:
        settings = (f"upstream={pinned.version}", f"kind={kind}", f"wheelhouse={wheelhouse}")
        wheels[kind] = builder.wheel(ROOT, folder / kind / "wheel", *settings)

    def prepare(name: str) -> Suite:
        environment = Environment(folder / name / "env")
        requirements = HERE / f"{pinned.version}.txt"
        environment.pip("install", "--quiet", "-r", str(requirements), str(wheels[name]))
        tests = unpack_suite(sdist, folder / name / "suite")
        renamed = (0, 0, 0)
        if name == "namespaced":
            kind = pins.KINDS[name]
            renamed = rename_suite(tests, kind.import_name, kind.distribution)
        return Suite(name, environment, tests, renamed)

    # Three at once are known to be steady on two cores; four were not.
    with ThreadPoolExecutor(3) as pool:
        suites = {suite.name: suite for suite in pool.map(prepare, wheels)}
        runs = {run.name: run for run in pool.map(Suite.run, suites.values())}
    deviations = read_deviations(HERE / "deviations.toml", pinned.version)
    done = Line(pinned.version, suites, runs, deviations)
    yield done
    told = request.config.stash.setdefault(RUNS, [])
    told += [f"{pinned.version} {row}" for row in (*runs.values(), *done.notes)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print the counts of every run, whatever became of the comparison.
    """
    rows = terminalreporter.config.stash.get(RUNS, [])
    if rows:
        terminalreporter.section("upstream's suite")
        for row in rows:
            terminalreporter.write_line(row)
