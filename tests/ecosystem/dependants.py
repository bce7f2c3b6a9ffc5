"""
The list of dependants: which are pinned, what their suites need, and what is known of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upstream_suite import Deviation, Run

from vendoring.pins import Artefact
from vendoring.toml import parse_toml

#: What became of a test on stock: it fails, it is skipped, or that depends on the machine.
OUTCOMES = ("failed", "skipped", "machine")
RUNNERS = ("pytest", "nose")
NEEDS = ("account", "container")


@dataclass(frozen=True)
class Unfit:
    """
    Tests of theirs that do not pass with stock either, and why.

    :param tests: ids, or the beginnings of ids with ``*`` behind them
    :param str outcome: one of `OUTCOMES`
    """

    tests: tuple[str, ...]
    outcome: str
    reason: str

    def covers(self, test: str) -> bool:
        """
        Say whether a test is one of them.
        """
        return any(matches(pattern, test) for pattern in self.tests)


@dataclass(frozen=True)
class Dependant:
    """
    One release of a dependant, and everything its suite needs.

    :param str line: the upstream release it is tested with
    :param str python: the interpreter's version, like ``3.11``
    :param paths: what to take out of the sdist
    :param tests: what the runner is given when all tests are to run
    :param int passes: how many tests pass with stock, at least
    :param old: requirements that no present setuptools can build
    :param leaves: patterns of what the suite leaves behind outside its own folder
    """

    name: str
    package: str
    version: str
    line: str
    python: str
    sdist: Artefact
    paths: tuple[str, ...]
    runner: str
    options: tuple[str, ...]
    tests: tuple[str, ...]
    passes: int
    limit_s: int
    needs: tuple[str, ...]
    variables: Mapping[str, str]
    requirements: tuple[str, ...]
    old: tuple[str, ...]
    old_build: tuple[str, ...]
    leaves: tuple[str, ...]
    unfit: tuple[Unfit, ...]
    deviations: tuple[Deviation, ...]


def matches(pattern: str, test: str) -> bool:
    """
    Say whether an id is meant; only a star at the end is special, since ids have brackets.
    """
    return test.startswith(pattern[:-1]) if pattern.endswith("*") else test == pattern


def read_dependants(path: Path) -> dict[str, Dependant]:
    """
    Read ``dependants.toml``.

    :raises AssertionError: an entry is not complete, or says what nothing understands
    """
    document = parse_toml(path.read_text(encoding="utf-8"))
    groups = document["requirements"]
    return {name: _dependant(name, entry, groups) for name, entry in document["dependant"].items()}


def _dependant(name: str, entry: dict[str, Any], groups: Mapping[str, Sequence[str]]) -> Dependant:
    def texts(key: str) -> tuple[str, ...]:
        return tuple(entry.pop(key, ()))

    sdist = entry.pop("sdist")
    unfit = tuple(
        Unfit(tuple(item["tests"]), item["outcome"], item["reason"])
        for item in entry.pop("unfit", ())
    )
    deviations = tuple(
        Deviation(item["test"], (entry["line"],), item["reason"], item["replaced-by"])
        for item in entry.pop("deviation", ())
    )
    dependant = Dependant(
        name=name,
        package=entry.pop("package", name),
        version=entry.pop("version"),
        line=entry.pop("line"),
        python=entry.pop("python"),
        sdist=Artefact(sdist["file"], sdist["size"], sdist["sha256"]),
        paths=texts("paths"),
        runner=entry.pop("runner"),
        options=texts("options"),
        tests=texts("tests"),
        passes=entry.pop("passes"),
        limit_s=entry.pop("limit-s"),
        needs=texts("needs"),
        variables=entry.pop("variables", {}),
        requirements=(
            *(item for group in texts("uses") for item in groups[group]),
            *texts("requirements"),
        ),
        old=texts("old"),
        old_build=texts("old-build"),
        leaves=texts("leaves"),
        unfit=unfit,
        deviations=deviations,
    )
    assert not entry, f"{name}: nothing reads {', '.join(entry)}"
    assert dependant.runner in RUNNERS and not set(dependant.needs) - set(NEEDS), name
    assert dependant.passes > 0 and dependant.tests and dependant.paths, name
    assert all(item.outcome in OUTCOMES and item.tests and item.reason for item in unfit), name
    # A range would make another suite of it one day.
    loose = [item for item in (*dependant.requirements, *dependant.old) if "==" not in item]
    assert not loose, f"{name}: not exact: {', '.join(loose)}"
    return dependant


def unexplained(stock: Run, dependant: Dependant) -> set[str]:
    """
    Return the tests that stock fails or skips and that no entry explains so.
    """
    return {
        test
        for test, status in stock.statuses.items()
        if status != "passed"
        and not any(
            item.covers(test) and item.outcome in (status, "machine") for item in dependant.unfit
        )
    }


def stale(stock: Run, dependant: Dependant) -> list[str]:
    """
    Return the patterns of entries that do not describe stock's run, or not any more.
    """
    found = []
    for item in dependant.unfit:
        for pattern in item.tests:
            statuses = {stock.statuses[test] for test in stock.statuses if matches(pattern, test)}
            if not statuses or (item.outcome != "machine" and statuses != {item.outcome}):
                found.append(f"{pattern}: {', '.join(sorted(statuses)) or 'no such test'}")
    return found
