"""
Read ``patches/``: the series, each patch's header, and its entries.

Judges only our own files; whether a patch fits upstream is for `splice`.
Everything that is wrong in the whole folder is reported at once.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from vendoring.entries import Entry, parse_entries
from vendoring.errors import Finding, SeriesError

__all__ = ["Patch", "read_series"]

PATCHES = "patches"
SERIES = "series"
HEADER = "HEADER"

REQUIRED_FIELDS = (
    "Description",
    "Bug",
    "Origin",
    "Forwarded",
    "Last-Update",
    "Tests",
    "Drop-when",
)
OPTIONAL_FIELDS = ("Lines", "Author", "Reviewed-by", "Applied-Upstream")

_NAME = re.compile(r"(\d{4})-[a-z0-9]+(-[a-z0-9]+)*")
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]*):(?: +(.*)|$)")


@dataclass(frozen=True)
class Patch:
    """
    One purpose: a header and, per upstream module, the entries that serve it.

    :param header: field name to text, continuation lines joined by newlines
    :param entries: upstream module's file name to its entries
    :param str sha256: over the folder's files, names included
    """

    name: str
    header: Mapping[str, str]
    entries: Mapping[str, tuple[Entry, ...]]
    sha256: str

    @property
    def description(self) -> str:
        """
        The first line of the header's Description.
        """
        return self.header["Description"].splitlines()[0]

    @property
    def bugs(self) -> tuple[str, ...]:
        """
        What the header's Bug field names, one per entry.
        """
        return tuple(self.header["Bug"].split())

    def is_for(self, release: str) -> bool:
        """
        Say whether the patch is for a line: all, unless its header lists some.
        """
        lines = self.header.get("Lines", "").split()
        return not lines or release in lines

    @property
    def last_update(self) -> str:
        """
        The date of the change, ISO 8601; the one its notices carry.
        """
        return self.header["Last-Update"]


def read_series(root: Path, lines: Collection[str]) -> list[Patch]:
    """
    Return the patches in the order they are to be applied.

    :param Path root: checkout or unpacked sdist
    :param lines: the releases that are pinned; a header may name no other
    :raises SeriesError: with all that is wrong in ``patches/``
    """
    folder = root / PATCHES
    names, findings = _read_names(folder)
    patches = []
    for name in names:
        try:
            patches.append(_read_patch(root, folder / name))
        except SeriesError as error:
            findings += error.findings
    for patch in patches:
        unknown = sorted(set(patch.header.get("Lines", "").split()) - set(lines))
        if unknown:
            findings.append(
                Finding(
                    f"{PATCHES}/{patch.name}/{HEADER}: Lines names a release that is not pinned",
                    wanted="some of " + ", ".join(sorted(lines)),
                    got=", ".join(unknown),
                )
            )
    if findings:
        raise SeriesError(*findings)
    return patches


def _read_names(folder: Path) -> tuple[list[str], list[Finding]]:
    try:
        rows = (folder / SERIES).read_text(encoding="utf-8").splitlines()
        present = {path.name for path in folder.iterdir() if path.is_dir()}
    except (OSError, UnicodeDecodeError) as error:
        raise SeriesError(Finding(f"{PATCHES}/{SERIES} cannot be read", got=str(error))) from error
    # What tools leave beside the source is no patch.
    present = {name for name in present if not name.startswith((".", "__"))}
    listed = [row.split("#", 1)[0].strip() for row in rows]
    listed = [name for name in listed if name]
    findings = []
    for name, times in Counter(listed).items():
        if times > 1:
            findings.append(
                Finding(f"{PATCHES}/{SERIES} lists {name} more than once", "once", str(times))
            )
    for name in listed:
        if name not in present:
            findings.append(
                Finding(
                    f"{PATCHES}/{SERIES} lists {name}, which is not there",
                    wanted=f"the folder {PATCHES}/{name}",
                    got="no such folder",
                )
            )
    for name in sorted(present - set(listed)):
        findings.append(
            Finding(
                f"{PATCHES}/{name} is not listed in {PATCHES}/{SERIES}",
                wanted="each folder listed exactly once",
                got="not listed",
                hint="list it where it belongs in the order, or delete it",
            )
        )
    numbers: dict[str, str] = {}
    for name in sorted(set(listed)):
        match = _NAME.fullmatch(name)
        if match is None:
            findings.append(
                Finding(
                    f"{PATCHES}/{name} is not a patch's name",
                    wanted="NNNN-purpose in lower case, with hyphens",
                    got=name,
                )
            )
        elif match[1] in numbers:
            findings.append(
                Finding(
                    f"two patches have the number {match[1]}",
                    wanted="a number of its own, never used before",
                    got=f"{numbers[match[1]]} and {name}",
                )
            )
        else:
            numbers[match[1]] = name
    unique = list(dict.fromkeys(listed))
    return [name for name in unique if name in present], findings


def _read_patch(root: Path, folder: Path) -> Patch:
    findings: list[Finding] = []
    header = _read_header(root, folder, findings)
    entries: dict[str, tuple[Entry, ...]] = {}
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__":
            continue
        where = f"{PATCHES}/{folder.name}/{path.name}"
        if not path.is_file() or (path.name != HEADER and path.suffix != ".py"):
            findings.append(
                Finding(
                    f"{where} does not belong in a patch",
                    wanted=f"{HEADER} and files named after upstream modules",
                    got=path.name,
                )
            )
            continue
        data = path.read_bytes()
        digest.update(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode())
        if path.suffix == ".py":
            try:
                entries[path.name] = parse_entries(data, where)
            except SeriesError as error:
                findings += error.findings
    if not entries and not findings:
        findings.append(
            Finding(
                f"{PATCHES}/{folder.name} changes nothing",
                wanted="at least one file named after an upstream module",
                got=f"only {HEADER}",
            )
        )
    if findings:
        raise SeriesError(*findings)
    return Patch(folder.name, header, entries, digest.hexdigest())


def _read_header(root: Path, folder: Path, findings: list[Finding]) -> dict[str, str]:
    where = f"{PATCHES}/{folder.name}/{HEADER}"
    try:
        text = (folder / HEADER).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        findings.append(Finding(f"{where} cannot be read", got=str(error)))
        return {}
    header: dict[str, str] = {}
    name = ""
    for number, row in enumerate(text.splitlines(), 1):
        match = _FIELD.fullmatch(row)
        if row[:1].isspace() and row.strip() and name:
            # DEP-3 writes an empty line of a long text as a single dot.
            more = "" if row.strip() == "." else row.strip()
            header[name] = (header[name] + "\n" + more).lstrip("\n")
        elif match is None:
            findings.append(
                Finding(
                    f"{where}:{number} is not a header line",
                    wanted="`Field: value`, or an indented line that continues one",
                    got=row or "an empty line",
                )
            )
        else:
            name = match[1]
            if name in header or name not in REQUIRED_FIELDS + OPTIONAL_FIELDS:
                findings.append(
                    Finding(
                        f"{where}:{number} has a field that is "
                        + ("given twice" if name in header else "not known"),
                        wanted="each once of " + ", ".join(REQUIRED_FIELDS + OPTIONAL_FIELDS),
                        got=name,
                    )
                )
            header[name] = (match[2] or "").strip()
    missing = [field for field in REQUIRED_FIELDS if not header.get(field)]
    if missing:
        findings.append(
            Finding(
                f"{where} is not complete",
                wanted=", ".join(REQUIRED_FIELDS),
                got="nothing for " + ", ".join(missing),
            )
        )
    _check_date(where, header, findings)
    for test in header.get("Tests", "").split():
        if not (root / test.split("::", 1)[0]).is_file():
            findings.append(
                Finding(
                    f"{where} names a test that is not there",
                    wanted="paths of files, from the top of the repository",
                    got=test,
                )
            )
    return header


def _check_date(where: str, header: Mapping[str, str], findings: list[Finding]) -> None:
    value = header.get("Last-Update")
    if not value:
        return
    try:
        if datetime.date.fromisoformat(value).isoformat() == value:
            return
    except ValueError:
        pass
    findings.append(
        Finding(f"{where}: Last-Update is not a date", wanted="like 2026-01-31", got=value)
    )
