"""
What is pinned: the lines, their artefacts, and the two kinds made of them.

Types and look-ups only, used by every stage; `pinfile` fills them.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from vendoring.errors import Finding, StageError

__all__ = [
    "KINDS",
    "Advisory",
    "Artefact",
    "Edit",
    "Kind",
    "Line",
    "OverlayPin",
    "Pins",
    "kind_named",
    "release_key",
]

FILE_NAME = "upstream.toml"


@dataclass(frozen=True)
class Kind:
    """
    One of the two distributions that are made from a line.
    """

    name: str
    distribution: str
    import_name: str
    version_form: str

    def version(self, upstream: str, patch_level: int) -> str:
        """
        Return the distribution's version for one release and patch level.
        """
        return self.version_form.format(upstream=upstream, level=patch_level)


KINDS: Mapping[str, Kind] = {
    "namespaced": Kind("namespaced", "paramiko-patched", "paramiko_patched", "{upstream}.{level}"),
    "dropin": Kind("dropin", "paramiko", "paramiko", "{upstream}+patched.{level}"),
}


@dataclass(frozen=True)
class Artefact:
    """
    One file of a release as the index serves it.
    """

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Advisory:
    """
    A published weakness of a release that this fork leaves as it is.
    """

    id: str
    summary: str


@dataclass(frozen=True)
class OverlayPin:
    """
    A module of ours that takes the place of upstream's of the same name.

    :param replaces: guards of the upstream modules it was written for
    """

    module: str
    replaces: tuple[str, ...]
    date: str
    description: str
    bugs: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """
    One run-time string or expression that the chosen kinds spell differently.
    """

    id: str
    module: str
    find: str
    put: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """
    One upstream release we patch, and everything it must contain.

    :param str tree: sha256 over the sorted ``sha256  path`` lines of ``files``
    :param files: path inside the package to sha256
    :param counts: what renaming must meet on the pristine files, by name
    :param str advisories_checked: the day somebody looked, or nothing
    :param str kept_until: the last day on which we follow upstream with it;
        nothing while it is the newest line
    """

    version: str
    python: str
    wheel: Artefact
    sdist: Artefact
    tree: str
    license_sha256: str
    dependencies: tuple[str, ...]
    files: Mapping[str, str]
    counts: Mapping[str, int]
    advisories: tuple[Advisory, ...]
    advisories_checked: str
    kept_until: str = ""


@dataclass(frozen=True)
class Pins:
    """
    The whole of ``upstream.toml``.

    :param str date: date of this patch level, ISO 8601; the build's clock
    """

    patch_level: int
    date: str
    lines: Mapping[str, Line]
    overlays: Mapping[str, OverlayPin]
    edits: tuple[Edit, ...]

    @property
    def source_date_epoch(self) -> int:
        """
        Midnight UTC of `date`, in seconds since 1970.
        """
        day = datetime.date.fromisoformat(self.date)
        return (day - datetime.date(1970, 1, 1)).days * 86400

    @property
    def newest(self) -> str:
        """
        The newest pinned release: what is built unless another is asked for.
        """
        return max(self.lines, key=release_key)

    def line(self, version: str | None = None) -> Line:
        """
        Return one pinned line.

        :param version: a release, or ``None`` for the newest
        :raises StageError: there is no such line
        """
        wanted = version or self.newest
        if wanted not in self.lines:
            raise StageError(
                Finding(
                    "there is no pinned line of that version",
                    wanted="one of " + ", ".join(sorted(self.lines, key=release_key)),
                    got=wanted,
                    hint=f"`python -m vendoring pin {wanted}` writes the entry of a new release",
                )
            )
        return self.lines[wanted]


def kind_named(name: str | None = None) -> Kind:
    """
    Return one of the two kinds of distribution.

    :param name: ``namespaced`` or ``dropin``; ``None`` means namespaced
    :raises StageError: there is no such kind
    """
    wanted = name or "namespaced"
    if wanted not in KINDS:
        raise StageError(
            Finding(
                "there is no such kind of distribution",
                wanted="one of " + ", ".join(KINDS),
                got=wanted,
            )
        )
    return KINDS[wanted]


def release_key(version: str) -> tuple[int, ...]:
    """
    Return what a plain release number sorts by.

    :raises StageError: it is not numbers with dots between them
    """
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise StageError(
            Finding("that is not a release number", wanted="digits and dots", got=version)
        )
    return tuple(int(part) for part in parts)
