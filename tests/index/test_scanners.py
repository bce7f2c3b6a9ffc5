"""
Who looks for known vulnerabilities by name and version still sees upstream's release.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from building import VERSIONS
from index.advisories import advisories
from index.catalogue import NEWEST, PATCHED, Catalogue
from index.workplace import Workplace
from packageurl import PackageURL
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pip_audit._cli import audit

DROPIN = PATCHED[NEWEST]


@pytest.mark.parametrize(
    ("advisory", "affected"),
    [
        ("==5.1.0", True),
        ("<5.1.1", True),
        ("<=5.1.0", True),
        (">=4.0.0,<6", True),
        ("<5.1.0", False),
        (">5.1.0", False),
        ("===5.1.0", False),
    ],
)
def test_specifier_of_an_advisory_matches_the_dropin_as_it_does_stock(
    advisory: str, affected: bool
) -> None:
    """
    All but the comparison of texts, for which the drop-in is another version.
    """
    specifier = SpecifierSet(advisory)
    assert specifier.contains(DROPIN) is affected
    if not advisory.startswith("==="):
        assert specifier.contains(NEWEST) is affected


def test_ordering_of_versions_puts_the_dropin_after_stock_and_before_the_next_release() -> None:
    """
    So a range by its last affected version, compared as an order, does not hold the drop-in.
    """
    assert Version(NEWEST) < Version(DROPIN) < Version("5.1.1")
    assert Version(DROPIN).public == NEWEST
    assert not Version(DROPIN).is_prerelease
    assert not Version("5.1.0+patched.2rc1").is_prerelease
    assert Version("5.1.0+patched.9") < Version("5.1.0+patched.10")


def test_pip_audit_collects_the_dropin_under_its_own_version(
    place: Workplace, catalogue: Catalogue
) -> None:
    """
    And asks a database of advisories for exactly that.
    """
    index = ("--index-url", catalogue.team)
    place.run("uv", "pip", "install", *index, f"paramiko=={DROPIN}")
    command = ("pip-audit", "--path", str(place.packages), "--progress-spinner", "off")
    told = place.run(*command, "--dry-run").stdout
    assert "would have audited" in told
    with advisories() as database:
        place.run(*command, "--vulnerability-service", "osv", "--osv-url", database.url)
    assert database.questions["paramiko"] == DROPIN


@pytest.mark.parametrize(
    ("version", "options", "status", "told"),
    [
        (NEWEST, (), 1, "PYSEC-0000-1"),
        (DROPIN, (), 0, "not found on PyPI and could not be audited"),
        (DROPIN, ("--strict",), 1, "not found on PyPI and could not be audited"),
    ],
    ids=["stock", "dropin", "dropin strictly"],
)
def test_pip_audit_skips_the_dropin_because_the_public_index_has_no_such_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    version: str,
    options: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    """
    A trap, which the document names: the status is that of success unless it is strict.
    """
    session = requests.Session()
    asked: list[str] = []
    # Whatever it asks, it asks here; nothing goes out.
    session.mount("https://", PublicIndex(asked))
    monkeypatch.setattr("pip_audit._service.pypi.caching_session", lambda *args: session)
    listed = tmp_path / "requirements.txt"
    listed.write_text(f"paramiko=={version}\n", encoding="utf-8")
    command = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "-r", str(listed)]
    monkeypatch.setattr("sys.argv", ["pip-audit", *command, *options])
    try:
        audit()
    except SystemExit as end:
        assert end.code == status
    else:
        assert status == 0
    output = capsys.readouterr()
    # A fatal error goes to its log, which a person sees on standard error.
    assert told in output.out + output.err + caplog.text
    assert asked == [f"/pypi/paramiko/{version}/json"]


@pytest.mark.parametrize("kind", ["dropin", "namespaced"])
def test_purl_of_the_sbom_reads_as_name_and_version(
    kind: str, dropins: dict[str, Path], namespaced: Path
) -> None:
    """
    And the ancestor's is stock's, for scanners that do not know what a local version is.
    """
    with zipfile.ZipFile(dropins[NEWEST] if kind == "dropin" else namespaced) as wheel:
        (name,) = (name for name in wheel.namelist() if "/sboms/" in name)
        component = json.loads(wheel.read(name))["metadata"]["component"]
    ours = PackageURL.from_string(component["purl"])
    wanted = {"dropin": ("paramiko", DROPIN), "namespaced": ("paramiko-patched", VERSIONS[kind])}
    assert (ours.type, ours.namespace) == ("pypi", None)
    assert (ours.name, ours.version) == wanted[kind]
    # A plus sign of a URL may be read as a space: it has to be escaped.
    assert ours.to_string() == component["purl"]
    assert "+" not in component["purl"]
    (ancestor,) = component["pedigree"]["ancestors"]
    assert PackageURL.from_string(ancestor["purl"]) == PackageURL(
        "pypi", name="paramiko", version=NEWEST
    )


class PublicIndex(requests.adapters.BaseAdapter):
    """
    Answers as the public index does: it has stock, with an advisory, and no local versions.
    """

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self.asked = asked

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(request.path_url.replace("%2B", "+"))
        response = requests.Response()
        response.request = request
        response.url = str(request.url)
        response.status_code = 404 if "patched" in response.url else 200
        advisory = {"id": "PYSEC-0000-1", "aliases": [], "fixed_in": [], "summary": "a sample"}
        response._content = json.dumps({"vulnerabilities": [advisory]}).encode()
        return response

    def close(self) -> None:
        pass
