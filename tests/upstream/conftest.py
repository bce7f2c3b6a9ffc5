"""
Upstream's suite, run once per line on stock and on both kinds of the fork.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from building import KINDS, PINS, Builder, shared_builder, shared_wheels
from environment import Environment
from selection import asked_for
from upstream_rename import rename_suite
from upstream_suite import PARTS, Deviation, Line, Suite, read_deviations, unpack_suite, whole

from vendoring import pins
from vendoring.acquire import fetch
from vendoring.verify import verify_artefact

HERE = Path(__file__).parent
LINES = sorted(PINS.lines, key=pins.release_key, reverse=True)
DONE: pytest.StashKey[list[Line]] = pytest.StashKey()
COLUMNS = ("line", "name", "passed", "failed", "listed", "skipped", "seconds")


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the options that choose lines, since all of them take long.
    """
    group = parser.getgroup("paramiko-patched")
    group.addoption(
        "--line",
        action="append",
        choices=LINES,
        help="run upstream's suite of this line; may be repeated",
    )
    group.addoption(
        "--lines",
        choices=("newest", "all"),
        help="run upstream's suite of these lines (default: the newest)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Ask every question of each chosen line.
    """
    if "line" in metafunc.fixturenames:
        metafunc.parametrize("line", chosen(metafunc.config), indirect=True, scope="session")


def chosen(config: pytest.Config) -> list[str]:
    """
    Return the lines that the options name, the newest first.
    """
    named = set(config.getoption("--line") or [])
    lines = config.getoption("--lines")
    if lines == "all":
        named.update(LINES)
    elif lines == "newest" or not named:
        named.add(PINS.newest)
    return [version for version in LINES if version in named]


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """
    Return what builds the wheels, without any index.
    """
    return shared_builder(tmp_path_factory)


@pytest.fixture(scope="session")
def deviations() -> list[Deviation]:
    """
    Return the listed deviations of all lines.
    """
    return read_deviations(HERE / "deviations.toml")


@pytest.fixture(scope="session")
def line(
    request: pytest.FixtureRequest,
    builder: Builder,
    deviations: list[Deviation],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Line]:
    """
    Return the runs of one line: stock, and the kinds that the chosen tests ask for.
    """
    kinds = asked_for(request.session, "kind", HERE)
    pinned = PINS.lines[request.param]
    folder = tmp_path_factory.mktemp(pinned.version)
    wheelhouse = builder.wheelhouse
    sdist = fetch(pinned.sdist, pinned.version, wheelhouse)
    verify_artefact(sdist, pinned.sdist)
    wheels = {"stock": wheelhouse / pinned.wheel.file}
    built = shared_wheels(tmp_path_factory, builder, [pinned.version])
    wheels |= {kind: built[pinned.version, kind] for kind in KINDS if kind in kinds}

    def prepare(name: str) -> Suite:
        environment = Environment(folder / name / "env")
        requirements = HERE / f"{pinned.version}.txt"
        environment.pip("install", "--quiet", "-r", str(requirements), str(wheels[name]))
        settings = HERE / f"{pinned.version}.ini"
        tests = unpack_suite(sdist, folder / name / "suite", settings)
        renamed = (0, 0, 0)
        if name == "namespaced":
            kind = pins.KINDS[name]
            renamed = rename_suite(tests, kind.import_name, kind.distribution)
        return Suite(name, environment, tests, renamed)

    # Three at once are known to be steady on two cores; four were not.
    with ThreadPoolExecutor(3) as pool:
        suites = {suite.name: suite for suite in pool.map(prepare, wheels)}
        jobs = [(suite, part) for part in range(len(PARTS)) for suite in suites.values()]
        done = list(pool.map(lambda job: job[0].run(job[1]), jobs))
    runs = {name: whole(name, done[at :: len(suites)]) for at, name in enumerate(suites)}
    concerned = [deviation for deviation in deviations if pinned.version in deviation.lines]
    ran = Line(pinned.version, suites, runs, concerned)
    request.config.stash.setdefault(DONE, []).append(ran)
    yield ran


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print the counts of every run as a table, whatever became of the comparison.
    """
    lines = terminalreporter.config.stash.get(DONE, [])
    if not lines:
        return
    terminalreporter.section(f"upstream's suite on Python {platform.python_version()}")
    rows = [row for line in lines for row in line.rows()]
    for row in (COLUMNS, ("---",) * len(COLUMNS), *rows):
        terminalreporter.write_line(f"| {' | '.join(map(str, row))} |")
    for line in lines:
        for note in line.notes:
            terminalreporter.write_line(f"{line.version}, {note}")
