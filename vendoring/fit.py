"""
Say what of ours fits a release of upstream that was just pinned.

Everything is tried, and everything that does not fit is said at once, in the
order in which it is best mended. Called by ``python -m vendoring pin`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vendoring.acquire import Upstream
from vendoring.errors import Finding, PatchedError
from vendoring.overlay import overlay, read_overlays
from vendoring.pins import Line, Pins
from vendoring.rename import NAME_TOKENS
from vendoring.series import Patch
from vendoring.splice import apply_series

__all__ = ["nearest", "report"]


def report(
    root: Path, pins: Pins, line: Line, upstream: Upstream, series: Sequence[Patch]
) -> tuple[list[str], bool]:
    """
    Say patch by patch what applies to a release and what needs a new entry.

    Patches that are for other lines only are tried as well: whether this one
    should have them is for a person to decide.

    :param Pins pins: the lines that were pinned before
    :returns: the rows to print, and whether there is nothing left to do
    """
    before = nearest(pins, line)
    pristine = {path: data.decode() for path, data in upstream.files.items()}
    ours = [patch for patch in series if patch.is_for(line.version)]
    spliced, failed = apply_series(pristine, ours, line.version)
    _, tried = apply_series(pristine, series, line.version)
    failed = {
        patch.name: found.get(patch.name, [])
        for patch in series
        for found in [failed if patch in ours else tried]
    }
    told: dict[str, list[str]] = {"applies": [], "needs": [], "waits": [], "decide": []}
    rows = []
    for patch in series:
        findings = failed[patch.name]
        verdict, words = _verdict(patch, findings, line)
        told[verdict].append(patch.name)
        rows.append(f"{patch.name}: {words}")
        rows += ["  " + row for finding in findings for row in finding.render().splitlines()]
    more = [
        *_overlays(root, pins, line, spliced, pristine, ours),
        *_counts(pins, line, before),
    ]
    rows += more or [f"overlays, edits and counts: as {before.version}"]
    modules = sorted({module for findings in failed.values() for module in _modules(findings)})
    rows.append(
        f"of {len(series)} patches: {len(told['applies'])} apply as they are, "
        f"{len(told['needs'])} need new entries, {len(told['waits'])} wait for those, "
        f"{len(told['decide'])} to decide on"
    )
    rows.append(f"nearest pinned line: {before.version}")
    rows += [
        f"  python -m vendoring diff --from {before.version} --upstream {line.version} "
        f"--module {module[:-3]}"
        for module in modules
    ]
    if told["needs"] or told["waits"]:
        rows.append("  then, in this order: " + ", ".join([*told["needs"], *told["waits"]]))
    rows.append(
        "advisories: look them up and set advisories-checked; "
        "kept-until: every line but the newest has one"
    )
    return rows, not (told["needs"] or told["waits"] or told["decide"] or more)


def nearest(pins: Pins, line: Line) -> Line:
    """
    Return the pinned line that shares most files with a release.
    """

    def shared(other: Line) -> int:
        return len(set(other.files.items()) & set(line.files.items()))

    return max(pins.lines.values(), key=shared)


def _verdict(patch: Patch, findings: Sequence[Finding], line: Line) -> tuple[str, str]:
    if not patch.is_for(line.version):
        lines = patch.header["Lines"]
        if findings:
            return "decide", f"is for {lines} only, and does not fit here: leave it at that?"
        return "decide", (
            f"is for {lines} only, but applies: "
            f"add {line.version} to Lines of its HEADER, or leave it out?"
        )
    if not findings:
        return "applies", "applies"
    if all(finding.follows for finding in findings):
        return "waits", "waits for earlier patches to be mended"
    return "needs", "needs new entries"


def _overlays(
    root: Path,
    pins: Pins,
    line: Line,
    spliced: Mapping[str, str],
    pristine: Mapping[str, str],
    series: Sequence[Patch],
) -> list[str]:
    patched = {module for patch in series for module in patch.entries}
    try:
        overlay(spliced, pristine, read_overlays(root), pins.overlays, patched, line.version)
    except PatchedError as error:
        return ["overlays: need a look", *["  " + row for row in str(error).splitlines()]]
    return []


def _counts(pins: Pins, line: Line, before: Line) -> list[str]:
    rows = []
    places = {edit.id: edit.module for edit in pins.edits}
    for name, number in line.counts.items():
        # That one differs in every release and needs nobody's attention.
        if name == NAME_TOKENS or number == before.counts.get(name):
            continue
        if name in places and not number:
            rows.append(f"edit {name}: finds nothing in {places[name]}")
        rows.append(
            f"count {name}: {number}, where {before.version} has {before.counts.get(name)}: "
            "read where upstream names itself"
        )
    return rows


def _modules(findings: Sequence[Finding]) -> list[str]:
    """
    Return the modules whose drift is behind some findings, and no consequence.
    """
    places = [re.match(r"patches/[^/]+/([^/:]+\.py)", each.what) for each in findings]
    return [
        place[1] for place, each in zip(places, findings) if place is not None and not each.follows
    ]
