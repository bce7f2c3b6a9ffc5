"""
Read ``upstream.toml``: which releases are patched, and what they must contain.

Called first of all by every way into the build; looks at no upstream file.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vendoring.errors import Finding, IntegrityError, StageError
from vendoring.pins import (
    FILE_NAME,
    KINDS,
    Advisory,
    Artefact,
    Edit,
    Line,
    OverlayPin,
    Pins,
    release_key,
)
from vendoring.pythons import FORM, is_range
from vendoring.toml import TomlError, parse_toml

__all__ = ["parse_pins", "read_pins"]


def read_pins(root: Path) -> Pins:
    """
    Read and check ``upstream.toml`` of a checkout or an unpacked sdist.

    :param Path root: the directory that holds it
    :raises IntegrityError: it is missing, not TOML, or an entry is not complete
    """
    try:
        return parse_pins((root / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityError(Finding(f"{FILE_NAME} cannot be read", got=str(error))) from error


def parse_pins(text: str) -> Pins:
    """
    Check the text of ``upstream.toml``.

    :raises IntegrityError: it is not TOML, or an entry is not complete
    """
    try:
        document = parse_toml(text)
    except TomlError as error:
        raise IntegrityError(Finding(f"{FILE_NAME} cannot be read", got=str(error))) from error
    reader = _Reader()
    pins = reader.pins(document)
    if reader.findings:
        raise IntegrityError(*reader.findings)
    return pins


_SAID = {str: "a string", int: "a whole number", list: "a list", dict: "a table"}


class _Reader:
    """
    Turns the TOML document into the types above and collects what is wrong.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def pins(self, document: Mapping[str, Any]) -> Pins:
        lines = self._value(document, "line", dict, "")
        overlays = self._value(document, "overlay", dict, "", {})
        if not lines:
            self._complain("line", 'at least one [line."X.Y.Z"] table', "none")
        return Pins(
            patch_level=self._value(document, "patch-level", int, ""),
            date=self._day(document, "date", ""),
            lines={
                version: self._line(version, self._value(lines, version, dict, "line."))
                for version in lines
                if self._is_release(version)
            },
            overlays={
                module: self._overlay(module, self._value(overlays, module, dict, "overlay."))
                for module in overlays
            },
            edits=tuple(
                self._edit(entry, f"edit[{number}].")
                for number, entry in enumerate(self._tables(document, "edit", ""))
            ),
        )

    def _is_release(self, version: str) -> bool:
        try:
            release_key(version)
        except StageError as error:
            self.findings += error.findings
            return False
        return True

    def _line(self, version: str, entry: Mapping[str, Any]) -> Line:
        at = f'line."{version}".'
        files = self._value(entry, "files", dict, at)
        counts = self._value(entry, "counts", dict, at)
        return Line(
            version=version,
            python=self._python(entry, at),
            wheel=self._artefact(entry, "wheel", at),
            sdist=self._artefact(entry, "sdist", at),
            tree=self._sha256(entry, "tree", at),
            license_sha256=self._sha256(entry, "license", at),
            dependencies=self._texts(entry, "dependencies", at),
            files={path: self._sha256(files, path, at + "files.") for path in files},
            counts={name: self._value(counts, name, int, at + "counts.") for name in counts},
            advisories=tuple(
                Advisory(
                    self._value(item, "id", str, at + "advisory."),
                    self._value(item, "summary", str, at + "advisory."),
                )
                for item in self._tables(entry, "advisory", at)
            ),
            advisories_checked=self._day(entry, "advisories-checked", at, optional=True),
            kept_until=self._day(entry, "kept-until", at, optional=True),
        )

    def _artefact(self, entry: Mapping[str, Any], key: str, at: str) -> Artefact:
        table = self._value(entry, key, dict, at)
        inside = f"{at}{key}."
        return Artefact(
            self._value(table, "file", str, inside),
            self._value(table, "size", int, inside),
            self._sha256(table, "sha256", inside),
        )

    def _overlay(self, module: str, entry: Mapping[str, Any]) -> OverlayPin:
        at = f'overlay."{module}".'
        return OverlayPin(
            module=module,
            replaces=self._texts(entry, "replaces", at),
            date=self._day(entry, "date", at),
            description=self._value(entry, "description", str, at),
            bugs=self._texts(entry, "bugs", at),
        )

    def _edit(self, entry: Mapping[str, Any], at: str) -> Edit:
        kinds = self._texts(entry, "kinds", at)
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            self._complain(at + "kinds", " and ".join(KINDS), ", ".join(unknown))
        return Edit(
            id=self._value(entry, "id", str, at),
            module=self._value(entry, "module", str, at),
            find=self._value(entry, "find", str, at),
            put=self._value(entry, "put", str, at),
            kinds=kinds,
        )

    def _value(
        self, table: Mapping[str, Any], key: str, kind: type, at: str, default: Any = None
    ) -> Any:
        if key not in table and default is not None:
            return default
        value = table.get(key)
        # A TOML boolean is an int in Python, but never one of ours.
        if not isinstance(value, kind) or isinstance(value, bool):
            got = "nothing" if value is None else repr(value)
            self._complain(at + key, _SAID[kind], got)
            return kind()
        return value

    def _tables(self, table: Mapping[str, Any], key: str, at: str) -> list[Mapping[str, Any]]:
        values = self._value(table, key, list, at, [])
        if not all(isinstance(value, dict) for value in values):
            self._complain(at + key, "a list of tables", repr(values))
            return []
        return list(values)

    def _texts(self, table: Mapping[str, Any], key: str, at: str) -> tuple[str, ...]:
        values = self._value(table, key, list, at)
        if not all(isinstance(value, str) for value in values):
            self._complain(at + key, "a list of strings", repr(values))
            return ()
        return tuple(values)

    def _python(self, table: Mapping[str, Any], at: str) -> str:
        value: str = self._value(table, "python", str, at)
        if value and not is_range(value):
            self._complain(at + "python", FORM, value)
        return value

    def _sha256(self, table: Mapping[str, Any], key: str, at: str) -> str:
        value: str = self._value(table, key, str, at)
        if value and (len(value) != 64 or set(value) - set("0123456789abcdef")):
            self._complain(at + key, "64 hex digits", value)
        return value

    def _day(self, table: Mapping[str, Any], key: str, at: str, optional: bool = False) -> str:
        value = table.get(key)
        if value is None and optional:
            return ""
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            self._complain(at + key, "a date like 2026-01-31", repr(value))
            return "1970-01-01"
        return value.isoformat()

    def _complain(self, key: str, wanted: str, got: str) -> None:
        self.findings.append(Finding(f"{FILE_NAME}: `{key}` is not usable", wanted=wanted, got=got))
