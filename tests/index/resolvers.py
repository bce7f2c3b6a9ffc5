"""
What pip, uv, Poetry and pip-tools choose for a project, and how each locks and installs it.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from index.workplace import Workplace

from vendoring.toml import parse_toml

PYTHON = f">={sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Indexes:
    """
    Which indexes a resolver asks.

    :param first: the one that is always asked
    :param extra: another one, as a person adds it who knows no better
    """

    first: str
    extra: str = ""


class Resolver(ABC):
    """
    One tool. ``lock`` chooses, ``install`` installs what was chosen.
    """

    name: str
    lock_file: str

    def __init__(self, place: Workplace, indexes: Indexes) -> None:
        self.place = place
        self.indexes = indexes

    @abstractmethod
    def lock(self, requirements: Sequence[str]) -> str | None:
        """
        Write a lock file with hashes; return paramiko's version, or nothing if it is refused.
        """

    @abstractmethod
    def install(self) -> None:
        """
        Install from the lock file alone, which fails if a hash is wrong.
        """

    def _flags(self) -> list[str]:
        flags = ["--index-url", self.indexes.first]
        return [*flags, "--extra-index-url", self.indexes.extra] if self.indexes.extra else flags

    def _refused(self, output: str) -> None:
        # Anything else that goes wrong must not pass for an answer.
        known = (
            "No matching distribution",
            "No solution found",
            "doesn't match any versions",
            "Could not find a version that",
            # Poetry does not know three equals signs.
            "invalid version constraint",
        )
        assert any(text in output for text in known), output


class Pip(Resolver):
    """
    ``pip lock``, and ``pip install`` of what it wrote.
    """

    name = "pip"
    lock_file = "pylock.toml"

    def lock(self, requirements: Sequence[str]) -> str | None:
        command = ["lock", *self._flags(), *requirements, "--output", self.lock_file]
        done = self.place.run("pip", *command, check=False)
        if done.returncode != 0:
            self._refused(done.stdout)
            return None
        return _locked(self.place.read(self.lock_file), "packages")

    def install(self) -> None:
        self.place.run("pip", "install", *self._flags(), "--requirement", self.lock_file)


class PipTools(Resolver):
    """
    ``pip-compile --generate-hashes``, and pip on its result.
    """

    name = "pip-tools"
    lock_file = "requirements.txt"

    def lock(self, requirements: Sequence[str]) -> str | None:
        self.place.write("requirements.in", "\n".join(requirements) + "\n")
        options = ["--quiet", "--generate-hashes", "--strip-extras", "--no-emit-index-url"]
        command = ["pip-compile", *options, *self._flags(), "--output-file", self.lock_file]
        done = self.place.run(*command, "requirements.in", check=False)
        if done.returncode != 0:
            self._refused(done.stdout)
            return None
        found = re.search(r"^paramiko==(\S+)", self.place.read(self.lock_file), re.MULTILINE)
        return found[1] if found else None

    def install(self) -> None:
        command = ["pip", "install", "--require-hashes", *self._flags()]
        self.place.run(*command, "--requirement", self.lock_file)


class Uv(Resolver):
    """
    ``uv lock`` and ``uv sync``.
    """

    name = "uv"
    lock_file = "uv.lock"

    def lock(self, requirements: Sequence[str], settings: str = "") -> str | None:
        lines = [_project(requirements), settings]
        if self.indexes.extra:
            lines.append(f'[[tool.uv.index]]\nurl = "{self.indexes.extra}"\n')
        lines.append(f'[[tool.uv.index]]\nurl = "{self.indexes.first}"\ndefault = true\n')
        self.place.write("pyproject.toml", "\n".join(lines))
        done = self.place.run("uv", "lock", check=False)
        if done.returncode != 0:
            self._refused(done.stdout)
            return None
        return _locked(self.place.read(self.lock_file), "package")

    def install(self) -> None:
        self.place.run("uv", "sync", "--locked")


class Poetry(Resolver):
    """
    ``poetry lock`` and ``poetry install``; the extra index is a supplemental source.
    """

    name = "poetry"
    lock_file = "poetry.lock"

    def lock(self, requirements: Sequence[str]) -> str | None:
        lines = [_project(requirements), "[tool.poetry]\npackage-mode = false\n"]
        sources = [("first", self.indexes.first, "primary")]
        if self.indexes.extra:
            sources.append(("extra", self.indexes.extra, "supplemental"))
        for name, url, priority in sources:
            text = f'name = "{name}"\nurl = "{url}"\npriority = "{priority}"\n'
            lines.append(f"[[tool.poetry.source]]\n{text}")
        self.place.write("pyproject.toml", "\n".join(lines))
        done = self.place.run("poetry", "lock", check=False)
        if done.returncode != 0:
            self._refused(done.stdout)
            return None
        return _locked(self.place.read(self.lock_file), "package")

    def install(self) -> None:
        self.place.run("poetry", "install")


RESOLVERS: tuple[type[Resolver], ...] = (Pip, Uv, Poetry, PipTools)


def by_name(resolver: type[Resolver]) -> str:
    """
    Return what a test's parameter is called.
    """
    return resolver.name


def _project(requirements: Sequence[str]) -> str:
    listed = ", ".join(f'"{requirement}"' for requirement in requirements)
    return (
        '[project]\nname = "app"\nversion = "1"\n'
        f'requires-python = "{PYTHON}"\ndependencies = [{listed}]\n'
    )


def _locked(text: str, key: str) -> str:
    versions = {item["version"] for item in parse_toml(text)[key] if item["name"] == "paramiko"}
    assert len(versions) == 1, versions
    return str(versions.pop())
