"""
Say in the package itself what it is made of.

Three texts: ``_patched.json`` inside the package, a CycloneDX bill of
materials for ``dist-info/sboms`` and, at the top of every changed module, the
dated notice of change that LGPL-2.1 section 2(b) asks for. All of them depend
on sources alone: no clock, host or path. Called by `stage`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from vendoring.pins import Kind, Line, Pins
from vendoring.series import Patch
from vendoring.verify import sha256

__all__ = ["FILE_NAME", "LICENSE_EXPRESSION", "add_notices", "describe", "sbom"]

FILE_NAME = "_patched.json"
LICENSE_EXPRESSION = "LGPL-2.1-or-later"
SCOPE = (
    "Of connections over a proxy command, how they end and what callers are told of it is patched; "
    "of all connections, what each patch says: closing, waiting, sending, answers, SFTP. "
    "Every weakness of the release that no patch names is as upstream left it."
)

_PROJECT = "paramiko-patched"
_KEEP_FIRST = re.compile(r"#!|#.*coding[:=]")


def add_notices(
    files: Mapping[str, str],
    pristine: Mapping[str, str],
    pins: Pins,
    kind: Kind,
    series: Sequence[Patch],
) -> dict[str, str]:
    """
    Return the modules with one dated line per change on top.

    The date is the change's own, never the build's.

    :param files: the modules in their final form
    :param pristine: upstream's; a module that equals its own gets no notice
    """
    result = {}
    for path, text in files.items():
        if path not in pristine or text == pristine[path]:
            result[path] = text
            continue
        changes = []
        if path in pins.overlays:
            changes.append((pins.overlays[path].date, "replaced"))
        changes += [(patch.last_update, patch.name) for patch in series if path in patch.entries]
        if any(edit.module == path and kind.name in edit.kinds for edit in pins.edits):
            changes.append((pins.date, "source of the version"))
        if kind.import_name != "paramiko" and path not in pins.overlays:
            changes.append((pins.date, f"imported as {kind.import_name}"))
        notices = [f"# Changed {date} by {_PROJECT}: {what}\n" for date, what in changes]
        lines = text.splitlines(keepends=True)
        top = sum(1 for line in lines[:2] if _KEEP_FIRST.match(line))
        result[path] = "".join(lines[:top] + notices + lines[top:])
    return result


def describe(
    files: Mapping[str, bytes],
    overlays: Mapping[str, str],
    pins: Pins,
    kind: Kind,
    line: Line,
    series: Sequence[Patch],
) -> dict[str, Any]:
    """
    Return what ``_patched.json`` says.

    :param files: every other file of the package in its final form
    :param overlays: modules of ours as they stand in the repository
    """
    return {
        "schema": 1,
        "distribution": kind.distribution,
        "version": kind.version(line.version, pins.patch_level),
        "import_name": kind.import_name,
        "scope": SCOPE,
        "upstream": {
            "name": "paramiko",
            "version": line.version,
            "kept_until": line.kept_until,
            "tree_sha256": line.tree,
            "artefacts": [
                {"file": item.file, "size_bytes": item.size_bytes, "sha256": item.sha256}
                for item in (line.wheel, line.sdist)
            ],
        },
        "advisories": {
            "checked": line.advisories_checked,
            "open": [{"id": item.id, "summary": item.summary} for item in line.advisories],
        },
        "patches": [
            {
                "name": patch.name,
                "description": patch.description,
                "bugs": list(patch.bugs),
                "last_update": patch.last_update,
                "modules": sorted(patch.entries),
                "sha256": patch.sha256,
            }
            for patch in series
        ],
        "overlays": [
            {
                "module": module,
                "description": pins.overlays[module].description
                if module in pins.overlays
                else "added by this fork",
                "bugs": list(pins.overlays[module].bugs) if module in pins.overlays else [],
                "sha256": sha256(text.encode()),
            }
            for module, text in sorted(overlays.items())
        ],
        "files": {path: sha256(data) for path, data in sorted(files.items())},
    }


def sbom(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a CycloneDX 1.6 bill of materials for the same facts.

    :param provenance: what `describe` gave
    """
    upstream = provenance["upstream"]
    name, version = provenance["distribution"], provenance["version"]
    ours, theirs = _purl(name, version), _purl("paramiko", upstream["version"])
    ancestor = {
        "type": "library",
        "bom-ref": theirs,
        "name": "paramiko",
        "version": upstream["version"],
        "purl": theirs,
        "hashes": [
            {"alg": "SHA-256", "content": artefact["sha256"]}
            for artefact in upstream["artefacts"]
            if artefact["file"].endswith(".whl")
        ],
    }
    patches = [
        _patch(entry["description"], entry["bugs"])
        for entry in (*provenance["patches"], *provenance["overlays"])
        if entry["bugs"]
    ]
    component = {
        "type": "library",
        "bom-ref": ours,
        "name": name,
        "version": version,
        "purl": ours,
        "licenses": [{"license": {"id": LICENSE_EXPRESSION}}],
        "pedigree": {"ancestors": [ancestor], "patches": patches, "notes": SCOPE},
    }
    digest = sha256(json.dumps(provenance, sort_keys=True).encode())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # Names this content, so that the same content has the same number everywhere.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {"component": component},
    }


def to_json(document: Mapping[str, Any]) -> bytes:
    """
    Return a document in the one byte form that is shipped.
    """
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _patch(description: str, bugs: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "unofficial",
        "resolves": [
            {"type": "defect", "name": description, "references": [bug]}
            if bug.startswith("https://")
            else {"type": "defect", "id": bug, "name": description}
            for bug in bugs
        ],
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version.replace('+', '%2B')}"
