"""
No line is pinned that nothing tests, and no Python named that is not tested.
"""

from __future__ import annotations

import configparser
import functools
import os
import re
import subprocess
import sys

import pytest
from checkout import ROOT

from vendoring.pinfile import read_pins
from vendoring.pins import release_key
from vendoring.pythons import TESTED

PINS = read_pins(ROOT)
OTHERS = [version for version in PINS.lines if version != PINS.newest]

#: The ends of the range, and the Python before the newest, which CI has.
OLDEST, BEFORE, NEWEST = (TESTED[0], TESTED[-2], TESTED[-1])


def sections() -> configparser.ConfigParser:
    """
    Return ``tox.ini`` as it is written.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def keys(form: str) -> set[str]:
    """
    Return what stands in the braces of a section such as ``[testenv:gate{510,400}]``.
    """
    pattern = re.compile(re.escape(form).replace("KEYS", r"\{([0-9,]+)\}"))
    (found,) = (match for match in map(pattern.fullmatch, sections().sections()) if match)
    return set(found[1].split(","))


def key(version: str) -> str:
    """
    Return what stands for a release of paramiko or Python in the names of environments.
    """
    return version.replace(".", "")


@pytest.mark.parametrize("prefix", [f"{{,py{key(OLDEST)}-,py{key(NEWEST)}-}}line", "oldest"])
def test_every_line_has_environments(prefix: str) -> None:
    """
    The whole of it on the Pythons that count, and what is oldest.
    """
    assert keys(f"testenv:{prefix}KEYS") == {key(version) for version in PINS.lines}


def test_ci_has_each_line_once_and_each_python_twice() -> None:
    """
    Pairs, of which one is the oldest Python with the oldest line, and one with the newest.
    """
    pattern = re.compile(r"py(\d+)-short(\d+)")
    pairs = {found.groups() for found in map(pattern.fullmatch, listed("-m", "ci")) if found}
    assert sorted(line for _, line in pairs) == sorted(map(key, PINS.lines))
    pythons = sorted(python for python, _ in pairs)
    assert pythons == sorted([key(OLDEST), key(BEFORE)] * 2)
    ends = sorted(PINS.lines, key=release_key)
    assert {(key(OLDEST), key(ends[0])), (key(OLDEST), key(ends[-1]))} <= pairs


def test_every_other_line_has_an_environment_that_builds_it() -> None:
    """
    The newest line is what is built by default.
    """
    assert keys("testenv:.pkg-KEYS") == {key(version) for version in OTHERS}


@pytest.mark.parametrize("version", PINS.lines)
def test_oldest_cryptography_is_the_one_that_the_line_admits(version: str) -> None:
    """
    Upstream's metadata say which.
    """
    needed = " ".join(PINS.lines[version].dependencies)
    oldest = re.findall(r"cryptography[ (]*>=([0-9.]+)", needed)[0]
    row = f"oldest{key(version)}: cryptography=={oldest}\n"
    assert row in sections()["testenv:oldest{" + ",".join(map(key, PINS.lines)) + "}"]["deps"]


def test_every_line_is_put_before_the_gate() -> None:
    """
    Each with the release it is made from as the control.
    """
    assert keys("testenv:gateKEYS") == {key(version) for version in PINS.lines}
    for version in PINS.lines:
        assert f"gate{key(version)}: LINE = {version}\n" in (ROOT / "tox.ini").read_text()


@pytest.mark.parametrize("version", OTHERS)
def test_environments_build_the_line_they_are_named_after(version: str) -> None:
    """
    The wheel that is tested is that line's, for both hooks that have to know it.
    """
    texts = sections()["testenv:.pkg-{" + ",".join(map(key, OTHERS)) + "}"]
    for hook in ("get_requires_for_build_wheel", "build_wheel"):
        rows = texts[f"config_settings_{hook}"].split("\n")
        assert f"{key(version)}: upstream={version}" in rows


@functools.cache
def listed(*arguments: str) -> dict[str, str]:
    """
    Return the environments that tox lists, with their descriptions; nobody may change it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOX")}
    done = subprocess.run(
        [sys.executable, "-m", "tox", "list", *arguments],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    rows = [row.partition("->") for row in done.stdout.splitlines() if "->" in row]
    return {name.strip(): description.strip() for name, _, description in rows}


@pytest.mark.parametrize(
    ("ring", "arguments"),
    [("first ring", ["-d"]), ("ci", ["-m", "ci"]), ("release", ["-m", "release"])],
)
def test_ring_has_the_environments_that_say_so_and_no_other(
    ring: str, arguments: list[str]
) -> None:
    """
    Whoever reads `tox list` knows what runs when, and no environment is forgotten.
    """
    said = {name for name, text in listed().items() if text.startswith(f"[{ring}] ")}
    assert set(listed(*arguments)) == said != set()
    assert [text for text in listed().values() if not text.startswith("[")] == []


def test_ci_runs_the_first_ring_and_then_the_second() -> None:
    """
    What README tells people to run, and what it leaves to `ci`.
    """
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert text.endswith("\ntox\ntox -m ci\n")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("README.md", f"Tested on Python {OLDEST}\nto {NEWEST}:"),
        ("docs/releasing.md", f"all of Python {OLDEST} to\n   {NEWEST}"),
        ("docs/releasing.md", f"each with `py{key(OLDEST)}-` and `py{key(NEWEST)}-` in front"),
        ("tests/README.md", f"with `py{key(OLDEST)}-` or `py{key(NEWEST)}-` in front"),
        ("docs/releasing.md", f"where no Python {NEWEST} is at hand"),
        ("tox.ini", f"tox -e gate510,py{key(NEWEST)}-line510,"),
        ("upstream.toml", f"are {OLDEST} and {NEWEST}:"),
        ("pyproject.toml", f'target-version = "py{key(OLDEST)}"'),
        ("vendoring/__init__.py", f"wanted: {OLDEST} or newer"),
    ],
)
def test_documents_and_settings_name_the_ends_of_the_range(path: str, words: str) -> None:
    """
    Where a Python is named for being the oldest or the newest, it is that of `TESTED`.
    """
    assert words in (ROOT / path).read_text(encoding="utf-8")
