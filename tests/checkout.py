"""
A copy of the checkout that a test of the build may damage.

It is worked on with the real command line and the real pinned release, since a
refusal is worth nothing unless the person at the prompt gets to read it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

# `vendoring` is not installed. Last, so that what is wins over the checkout's folders.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from vendoring.__main__ import main
from vendoring.acquire import fetch, wheelhouse_from_environment
from vendoring.pinfile import read_pins
from vendoring.verify import verify_artefact

ROOT = Path(__file__).resolve().parents[1]

HEADER = """\
Description: a sample
Bug: https://github.com/paramiko/paramiko/issues/1277
Origin: other, written for this test
Forwarded: not-needed: a sample
Last-Update: 2026-01-31
Tests: upstream.toml
Drop-when: this test is deleted
"""


class Checkout:
    """
    A copy of the checkout without the project's own patches.

    :param Path root: where it is
    :param Path wheelhouse: directory with the pinned wheel
    """

    def __init__(self, root: Path, wheelhouse: Path) -> None:
        self.root = root
        self.wheelhouse = wheelhouse
        self.output = root.parent / "output"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Do what ``python -m vendoring`` does on this copy.
        """
        return run_here(self.command(*arguments))

    def command(self, *arguments: str) -> list[str]:
        """
        Return the words of the command line, to be run in the real checkout.
        """
        command = [sys.executable, "-m", "vendoring", "--root", str(self.root)]
        return [*command, "--wheelhouse", str(self.wheelhouse), *arguments]

    def stage(self, *arguments: str) -> Path:
        """
        Stage the fork, which must succeed, and return the package's directory.
        """
        done = self.run("stage", str(self.output), *arguments)
        assert done.returncode == 0, done.stderr
        kind = "paramiko" if "dropin" in arguments else "paramiko_patched"
        return self.output / kind

    def refusal(self, *arguments: str) -> str:
        """
        Stage the fork, which must be refused, and return what was said.

        A refusal is text and not a traceback, and leaves nothing behind.
        """
        done = self.run("stage", str(self.output), *arguments)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert not self.output.exists() or not list(self.output.iterdir())
        return done.stderr

    def patch(self, name: str, header: str = HEADER, **modules: str) -> Path:
        """
        Add a patch at the end of the series and return its folder.
        """
        folder = self.folder(name, header, **modules)
        with (self.root / "patches" / "series").open("a", encoding="utf-8") as series:
            series.write(f"{name}\n")
        return folder

    def folder(self, name: str, header: str = HEADER, **modules: str) -> Path:
        """
        Add a patch's folder without listing it.
        """
        folder = self.root / "patches" / name
        folder.mkdir()
        (folder / "HEADER").write_text(header, encoding="utf-8")
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text, encoding="utf-8")
        return folder

    def edit(self, path: str, old: str, new: str) -> None:
        """
        Replace a text that occurs once in a file of the copy.
        """
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def pinned(self, version: str | None = None) -> str:
        """
        Return what ``upstream.toml`` says of one line, which is the newest by default.
        """
        text = (self.root / "upstream.toml").read_text(encoding="utf-8")
        tables = re.split(r"^(?=\[line\.\"[0-9.]+\"\]$)", text, flags=re.MULTILINE)[1:]
        head = f'[line."{version or read_pins(ROOT).newest}"]\n'
        (found,) = (table for table in tables if table.startswith(head))
        return found

    def edit_line(self, old: str, new: str, version: str | None = None) -> None:
        """
        Replace a text that occurs once in what is pinned for one line.
        """
        before = self.pinned(version)
        assert before.count(old) == 1, f"{old!r} occurs {before.count(old)} times in the line"
        self.edit("upstream.toml", before, before.replace(old, new))

    def carry_pristine(self) -> Path:
        """
        Put upstream's files into the copy, as our sdist does.

        :returns: the directory of the pristine package
        """
        line = read_pins(self.root).line()
        pristine = self.root / "pristine"
        with zipfile.ZipFile(self.wheelhouse / line.wheel.file) as archive:
            archive.extractall(pristine)
        info = pristine / f"paramiko-{line.version}.dist-info"
        (info / "METADATA").rename(pristine / "METADATA")
        (info / "licenses" / "LICENSE").rename(pristine / "LICENSE")
        shutil.rmtree(info)
        return pristine / "paramiko"


def run_here(command: list[str]) -> subprocess.CompletedProcess[str]:
    """
    Do what ``python -m vendoring`` with some more words does, in this process.

    A process of its own for each of some hundred runs would read and count the same releases
    anew. An exception that it lets out comes out of here too.
    """
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            status: object = main(command[3:])
        except SystemExit as end:
            # From the parser: help, or wrong usage.
            status = end.code
    assert isinstance(status, int), status
    return subprocess.CompletedProcess(command, status, out.getvalue(), errors.getvalue())


def filled_wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels, fetched once and then kept.

    Blocks for as long as pip takes to download one wheel per line.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "paramiko-patched")
    folder = wheelhouse_from_environment() or cache
    for version, line in read_pins(ROOT).lines.items():
        verify_artefact(fetch(line.wheel, version, folder), line.wheel)
    return folder


def copy_checkout(root: Path, wheelhouse: Path) -> Checkout:
    """
    Return a copy whose series is empty.
    """
    root.mkdir()
    shutil.copy(ROOT / "upstream.toml", root)
    shutil.copytree(
        ROOT / "paramiko_patched",
        root / "paramiko_patched",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (root / "patches").mkdir()
    (root / "patches" / "series").write_text("", encoding="utf-8")
    return Checkout(root, wheelhouse)
