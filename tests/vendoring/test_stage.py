"""
A package is written whole or not at all, and says what it is made of.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import Checkout

from vendoring.pinfile import read_pins
from vendoring.pins import KINDS
from vendoring.stage import Package


def contents(folder: Path) -> dict[str, bytes]:
    """
    Return every file below a directory.
    """
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_stage_writes_same_bytes_each_time_and_replaces_what_it_wrote(checkout: Checkout) -> None:
    """
    Staging again into the same place gives the same tree and no remains.
    """
    package = checkout.stage()
    first = contents(checkout.output)
    (package / "left_over.py").write_text("", encoding="utf-8")
    checkout.stage()
    assert contents(checkout.output) == first
    assert [path.name for path in checkout.output.iterdir() if path.name.startswith(".")] == []


def test_stage_keeps_former_package_when_it_is_refused(checkout: Checkout) -> None:
    """
    A build that is refused leaves what was staged before as it was.
    """
    checkout.stage()
    before = contents(checkout.output)
    checkout.folder("0001-unlisted")
    done = checkout.run("stage", str(checkout.output))
    assert done.returncode == 1
    assert contents(checkout.output) == before


def test_stage_refuses_directory_when_something_else_is_in_the_way(checkout: Checkout) -> None:
    """
    A directory that was not staged, such as a checkout's own, is never replaced.
    """
    (checkout.output / "paramiko_patched").mkdir(parents=True)
    (checkout.output / "paramiko_patched" / "mine.py").write_text("", encoding="utf-8")
    done = checkout.run("stage", str(checkout.output))
    assert done.returncode == 1
    assert "is in the way\n  wanted: no such directory" in done.stderr
    assert list(contents(checkout.output)) == ["paramiko_patched/mine.py"]


def test_stage_refuses_directory_when_it_is_a_file(checkout: Checkout) -> None:
    """
    A place that cannot be written is told without a traceback.
    """
    checkout.output.write_text("", encoding="utf-8")
    done = checkout.run("stage", str(checkout.output))
    assert done.returncode == 1
    assert "cannot be written\n  got: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_staged_package_says_what_it_is_made_of(checkout: Checkout, kind: str) -> None:
    """
    The provenance names upstream by hash, each patch, and every file; the package checks it.
    """
    pins = read_pins(checkout.root)
    version = KINDS[kind].version(pins.newest, pins.patch_level)
    checkout.patch("0001-sample", transport="# adds after: threading\nimport queue\n")
    package = checkout.stage("--kind", kind)
    told = json.loads((package / "_patched.json").read_text(encoding="utf-8"))
    assert told["version"] == version
    assert told["distribution"] == KINDS[kind].distribution
    assert told["upstream"]["version"] == "5.1.0"
    assert told["patches"][0]["name"] == "0001-sample"
    assert told["patches"][0]["bugs"] == ["https://github.com/paramiko/paramiko/issues/1277"]
    assert set(told["files"]) == set(contents(package)) - {"_patched.json"}
    assert str(checkout.root) not in json.dumps(told)
    done = subprocess.run(
        [sys.executable, "-I", str(package / "_patched" / "__main__.py")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{KINDS[kind].distribution} {version}, imported as ")
    assert "\n  0001-sample: a sample\n    https://github.com/" in done.stdout


def test_staged_modules_say_when_and_why_they_were_changed(checkout: Checkout) -> None:
    """
    Every upstream module that was changed carries a dated notice; the others are untouched.
    """
    checkout.patch("0001-sample", transport="# adds after: threading\nimport queue\n")
    package = checkout.stage("--kind", "dropin")
    pristine = checkout.carry_pristine()
    noticed = set()
    for path in pristine.glob("*.py"):
        staged = (package / path.name).read_bytes()
        if staged != path.read_bytes():
            assert staged.startswith(b"# Changed 20"), path.name
            noticed.add(path.name)
    whole = {"buffered_pipe.py", "packet.py", "pipe.py", "proxy.py"}
    assert noticed == {"__init__.py", "transport.py"} | whole
    heads = [
        (package / name).read_text(encoding="utf-8").splitlines()[0]
        for name in ("transport.py", "__init__.py")
    ]
    assert heads == [
        "# Changed 2026-01-31 by paramiko-patched: 0001-sample",
        f"# Changed {read_pins(checkout.root).date} by paramiko-patched: source of the version",
    ]
    assert all(len(row) < 80 for row in heads)


def test_extras_keep_upstreams_markers() -> None:
    """
    Extras come out of requirement strings as old and new build tools write them.
    """
    package = Package(
        kind=KINDS["dropin"],
        version="",
        python="",
        files={},
        sbom=b"",
        dependencies=(
            "bcrypt>=3.2",
            'gssapi>=1.4.1; platform_system != "Windows" and extra == "gssapi"',
            "invoke (>=1.3) ; extra == 'all'",
            "pywin32 (>=2.1.8) ; (platform_system == \"Windows\") and extra == 'all'",
            'six; python_version < "3"',
        ),
        provenance={},
    )
    assert package.requirements == ("bcrypt>=3.2", 'six; python_version < "3"')
    assert package.extras == {
        "gssapi": ['gssapi>=1.4.1; platform_system != "Windows"'],
        "all": ["invoke (>=1.3)", 'pywin32 (>=2.1.8); (platform_system == "Windows")'],
    }
