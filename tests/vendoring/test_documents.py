"""
What the documents say of each line is what is pinned.
"""

from __future__ import annotations

import re

from checkout import ROOT

from vendoring.pinfile import read_pins
from vendoring.pins import KINDS
from vendoring.provenance import SCOPE

PINS = read_pins(ROOT)


def table(heading: str) -> list[list[str]]:
    """
    Return the cells of the table below a heading of the README.
    """
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    rows = [row for row in section.split("\n## ")[0].splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_readme_names_day_and_open_advisories_of_every_line() -> None:
    """
    Until when a line is kept, and what is open in it, stands where people look first.
    """
    assert table("Lines") == [
        [
            line.version,
            line.kept_until or "a year after the next one is served",
            ", ".join(item.id for item in line.advisories) or "none known",
        ]
        for line in PINS.lines.values()
    ]


def test_every_line_but_the_newest_has_a_last_day() -> None:
    """
    Nobody has to guess how long an older line is kept, and somebody looked at its advisories.
    """
    for line in PINS.lines.values():
        assert bool(line.kept_until) == (line.version != PINS.newest), line.version
        assert line.advisories_checked, line.version


def entries() -> list[tuple[str, str]]:
    """
    Return heading and text of each entry of the changelog, the newest first.
    """
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(found[::2], found[1::2]))


def test_newest_entry_of_changelog_is_the_release_that_is_pinned() -> None:
    """
    Version and day of the last release stand in two places; what came later is in none yet.
    """
    (unreleased, _), (newest, text), *_ = entries()
    assert unreleased == "[Unreleased]"
    version = KINDS["dropin"].version(PINS.newest, PINS.patch_level)
    assert newest == f"[{version}] - {PINS.date}"
    assert PINS.lines[PINS.newest].wheel.sha256 in text


def test_changelog_has_no_change_under_a_day_before_it() -> None:
    """
    A patch that was changed after the last release is named among what is not released.
    """
    unreleased = entries()[0][1]
    later = [
        patch.parent.name
        for patch in sorted((ROOT / "patches").glob("*/HEADER"))
        if re.findall(r"^Last-Update: (.+)$", patch.read_text(encoding="utf-8"), re.MULTILINE)[0]
        > PINS.date
    ]
    assert [name for name in later if name.partition("-")[0] not in unreleased] == []


def test_what_is_patched_is_said_of_both_kinds_of_connections() -> None:
    """
    Wherever it is said what is changed, the patches for all connections count as well.
    """
    headers = [path.read_text(encoding="utf-8") for path in (ROOT / "patches").glob("*/HEADER")]
    assert sum("all connections" in " ".join(header.split()) for header in headers) > 10
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for text in (SCOPE, readme):
        assert "all connections" in text.lower()
        assert "over a proxy command" in text or "through a proxy command" in text
    for untrue in ("patches the proxy life cycle and nothing", "nly the proxy life cycle"):
        assert untrue not in readme


def test_release_recipe_builds_every_line_and_names_this_release() -> None:
    """
    The loop of the recipe has all lines and kinds, and its file names are this release's.
    """
    text = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"for line in (.*); do", text)
    (kinds,) = re.findall(r"for kind in (.*); do", text)
    assert lines.split() == list(PINS.lines)
    assert set(kinds.split()) == set(KINDS)
    for kind in KINDS.values():
        name = kind.distribution.replace("-", "_")
        assert f"dist/{name}-{kind.version(PINS.newest, PINS.patch_level)}-" in text


def test_release_recipe_names_every_environment_of_a_release() -> None:
    """
    Whoever releases reads what `tox -m release` asks.
    """
    text = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    named = re.findall(r"^\[testenv:([a-z0-9-]+)\]\ndescription = \[release\] ", tox, re.MULTILINE)
    assert len(named) > 3
    for environment in (*named, "soak", "e2e", "line510", "gate510", "oldest510"):
        assert f"| `{environment}`" in text, environment
    assert "`tox -m release`" in text
