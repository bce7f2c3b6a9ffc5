"""
The wheels of every line hold, name and describe what the line is made of.
"""

from __future__ import annotations

import email.message
import email.parser
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from building import PINS, Wheels
from checkout import ROOT
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from selection import LINES_AND_KINDS

from vendoring.pins import KINDS
from vendoring.series import read_series

SERIES = read_series(ROOT, PINS.lines)
each = pytest.mark.parametrize(("line", "kind"), LINES_AND_KINDS)


def contents(wheel: Path) -> dict[str, bytes]:
    """
    Return the files of a wheel, its dist-info directory's name left out.
    """
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.split(".dist-info/")[-1] if ".dist-info/" in name else name: archive.read(name)
            for name in archive.namelist()
        }


def metadata(files: Mapping[str, bytes]) -> email.message.Message:
    """
    Return a wheel's core metadata.
    """
    return email.parser.BytesParser().parsebytes(files["METADATA"])


@each
def test_wheel_holds_modules_of_its_release_and_ours(
    line_wheels: Wheels, line: str, kind: str
) -> None:
    """
    What is in every wheel is listed by hand for the newest line; upstream's differ by line.
    """
    files = contents(line_wheels[line, kind])
    name = KINDS[kind].import_name
    listed = (Path(__file__).parent / f"{kind}.txt").read_text(encoding="utf-8").split()
    newest = {f"{name}/{path}" for path in PINS.line().files}
    ours = {path.replace("DIST-INFO/", "") for path in listed if path not in newest}
    # Each of them takes the place of upstream's module of that name, in every line.
    theirs = {f"{name}/{path}" for path in PINS.lines[line].files}
    assert set(files) == ours | theirs


@each
def test_wheel_names_distribution_licence_python_and_upstreams_requirements(
    line_wheels: Wheels, line: str, kind: str
) -> None:
    """
    The metadata is upstream's where it is about the library, and PEP 639's for the licence.
    """
    files = contents(line_wheels[line, kind])
    told = metadata(files)
    pinned = PINS.lines[line]
    assert told["Name"] == KINDS[kind].distribution
    assert told["Version"] == KINDS[kind].version(line, PINS.patch_level)
    assert told["Requires-Python"] == pinned.python
    assert told["License-Expression"] == "LGPL-2.1-or-later"
    assert told["License"] is None
    assert told.get_all("License-File") == ["LICENSE"]
    assert not [text for text in told.get_all("Classifier") or [] if text.startswith("License")]
    assert files["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    required = {Requirement(text) for text in told.get_all("Requires-Dist") or []}
    gate = {requirement for requirement in required if 'extra == "gate"' in str(requirement)}
    assert required - gate == {Requirement(text) for text in pinned.dependencies}
    assert bool(gate) == (kind == "namespaced")


@each
def test_provenance_names_release_patches_and_every_file(
    line_wheels: Wheels, line: str, kind: str
) -> None:
    """
    ``_patched.json`` gives upstream's hashes, the line's patches, its advisories and its files.
    """
    files = contents(line_wheels[line, kind])
    name = KINDS[kind].import_name
    told = json.loads(files[f"{name}/_patched.json"])
    pinned = PINS.lines[line]
    assert told["upstream"]["version"] == line
    assert told["upstream"]["tree_sha256"] == pinned.tree
    assert told["upstream"]["kept_until"] == pinned.kept_until
    assert {item["file"]: item["sha256"] for item in told["upstream"]["artefacts"]} == {
        item.file: item.sha256 for item in (pinned.wheel, pinned.sdist)
    }
    assert [patch["name"] for patch in told["patches"]] == [
        patch.name for patch in SERIES if patch.is_for(line)
    ]
    assert all(patch["bugs"] for patch in told["patches"])
    assert told["advisories"] == {
        "checked": pinned.advisories_checked,
        "open": [{"id": item.id, "summary": item.summary} for item in pinned.advisories],
    }
    assert told["files"] == {
        path[len(name) + 1 :]: hashlib.sha256(data).hexdigest()
        for path, data in files.items()
        if path.startswith(f"{name}/") and path != f"{name}/_patched.json"
    }


@each
def test_sbom_is_valid_and_has_upstream_as_ancestor(
    line_wheels: Wheels, line: str, kind: str
) -> None:
    """
    Valid CycloneDX 1.6, with the release by purl and hash, and every bug that was patched.
    """
    files = contents(line_wheels[line, kind])
    distribution = KINDS[kind].distribution
    text = files[f"sboms/{distribution}.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    component = json.loads(text)["metadata"]["component"]
    version = KINDS[kind].version(line, PINS.patch_level)
    assert component["purl"] == f"pkg:pypi/{distribution}@{version.replace('+', '%2B')}"
    (ancestor,) = component["pedigree"]["ancestors"]
    assert ancestor["purl"] == f"pkg:pypi/paramiko@{line}"
    assert ancestor["hashes"] == [{"alg": "SHA-256", "content": PINS.lines[line].wheel.sha256}]
    patched = [
        issue["name"] for patch in component["pedigree"]["patches"] for issue in patch["resolves"]
    ]
    assert {patch.description for patch in SERIES if patch.is_for(line)} <= set(patched)


@each
def test_every_changed_module_says_so_and_when_and_no_other(
    line_wheels: Wheels, wheelhouse: Path, line: str, kind: str
) -> None:
    """
    A notice with a date stands on top of each file of upstream's that is not upstream's any more.
    """
    files = contents(line_wheels[line, kind])
    with zipfile.ZipFile(wheelhouse / PINS.lines[line].wheel.file) as archive:
        pristine = {path: archive.read(f"paramiko/{path}") for path in PINS.lines[line].files}
    changed = set()
    for path, before in pristine.items():
        now = files[f"{KINDS[kind].import_name}/{path}"]
        head = next(row for row in now.splitlines()[:2] if not row.startswith(b"#!"))
        if now != before:
            changed.add(path)
            assert head.startswith(b"# Changed 20"), path
            assert b" by paramiko-patched: " in head, path
        else:
            assert b"by paramiko-patched" not in now, path
    patched = {module for patch in SERIES if patch.is_for(line) for module in patch.entries}
    assert patched | {"proxy.py"} <= changed
    assert changed != set(pristine)
