"""
The metadata is upstream's where it is about the library, and ours where it is about us.
"""

from __future__ import annotations

import email.message
import email.parser
import json
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

UPSTREAM_REQUIRES = ["bcrypt>=3.2", "cryptography>=3.3", "invoke>=2.0", "pynacl>=1.5"]


def dist_info(wheel: Path, name: str) -> bytes:
    """
    Return a file of a wheel's dist-info directory.
    """
    with zipfile.ZipFile(wheel) as archive:
        path = next(path for path in archive.namelist() if path.endswith(f".dist-info/{name}"))
        return archive.read(path)


def metadata(wheel: Path) -> email.message.Message:
    """
    Return a wheel's core metadata.
    """
    return email.parser.BytesParser().parsebytes(dist_info(wheel, "METADATA"))


@pytest.mark.parametrize(
    ("kind", "name", "version"),
    [("namespaced", "paramiko-patched", "5.1.0.2"), ("dropin", "paramiko", "5.1.0+patched.2")],
)
def test_metadata_names_distribution_licence_and_python(
    wheels: dict[str, Path], kind: str, name: str, version: str
) -> None:
    """
    Name, version, licence expression and Python range are the kind's own.
    """
    told = metadata(wheels[kind])
    assert told["Name"] == name
    assert told["Version"] == version
    assert told["License-Expression"] == "LGPL-2.1-or-later"
    assert told.get_all("License-File") == ["LICENSE"]
    assert told["Requires-Python"] == ">=3.9"
    assert wheels[kind].name == f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def test_metadata_adds_no_requirement_to_upstreams(wheels: dict[str, Path]) -> None:
    """
    The fork adds nothing at run time; what the gate needs stands in its extra.
    """
    assert metadata(wheels["dropin"]).get_all("Requires-Dist") == UPSTREAM_REQUIRES
    assert metadata(wheels["dropin"]).get_all("Provides-Extra") is None
    requires = metadata(wheels["namespaced"]).get_all("Requires-Dist") or []
    assert [text for text in requires if "extra ==" not in text] == UPSTREAM_REQUIRES
    assert metadata(wheels["namespaced"]).get_all("Provides-Extra") == ["gate"]
    extra = {text.split(">")[0] for text in requires if text.endswith('; extra == "gate"')}
    assert {"pytest", "psutil", "rich", "packaging", "asyncssh"} <= extra


def test_entry_points_are_the_gates_and_in_namespaced_wheel_alone(
    wheels: dict[str, Path],
) -> None:
    """
    The drop-in puts no command and no pytest plugin into a service's environment.
    """
    assert dist_info(wheels["namespaced"], "entry_points.txt").decode().split("\n") == [
        "[console_scripts]",
        "paramiko-gate = paramiko_gate.cli:main",
        "",
        "[pytest11]",
        "paramiko_gate.plugin = paramiko_gate.plugin",
        "",
    ]
    with zipfile.ZipFile(wheels["dropin"]) as wheel:
        assert not [path for path in wheel.namelist() if path.endswith("entry_points.txt")]


@pytest.mark.parametrize(
    ("kind", "purl"),
    [
        ("namespaced", "pkg:pypi/paramiko-patched@5.1.0.2"),
        ("dropin", "pkg:pypi/paramiko@5.1.0%2Bpatched.2"),
    ],
)
def test_sbom_is_valid_and_names_upstream_by_hash(
    wheels: dict[str, Path], kind: str, purl: str
) -> None:
    """
    The bill of materials is valid CycloneDX 1.6 and says what was patched.
    """
    name = "paramiko-patched" if kind == "namespaced" else "paramiko"
    text = dist_info(wheels[kind], f"sboms/{name}.cdx.json").decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    component = json.loads(text)["metadata"]["component"]
    assert component["purl"] == purl
    (ancestor,) = component["pedigree"]["ancestors"]
    assert ancestor["purl"] == "pkg:pypi/paramiko@5.1.0"
    assert ancestor["hashes"][0]["content"].startswith("d9fe6d67a9d0bbf3")
    bugs = [
        reference
        for patch in component["pedigree"]["patches"]
        for issue in patch["resolves"]
        for reference in issue.get("references", [])
    ]
    assert "https://github.com/paramiko/paramiko/issues/1277" in bugs


def test_sbom_validator_refuses_what_is_not_one(wheels: dict[str, Path]) -> None:
    """
    The check above can fail: a document with an unknown field is refused.
    """
    text = dist_info(wheels["dropin"], "sboms/paramiko.cdx.json").decode()
    document = json.loads(text)
    document["metadata"]["component"]["colour"] = "red"
    broken = json.dumps(document)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None
