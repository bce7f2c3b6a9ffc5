"""
Installed from its wheel, the fork is what it says, alone and beside stock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from building import PINS, VERSIONS
from environment import Environment

Damage = Callable[[Path, "bytes | None"], None]

IDENTIFY = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
print(json.dumps({
    "file": module.__file__,
    "version": module.__version__,
    "banner": module.Transport._CLIENT_ID,
    "stock": sorted(name for name in sys.modules if name.split(".")[0] == "paramiko"),
}))
"""


def identify(environment: Environment, module: str) -> dict[str, object]:
    """
    Import a module in an environment and return what it is.
    """
    told: dict[str, object] = json.loads(
        environment.run("-W", "error", "-c", IDENTIFY, module).stdout
    )
    return told


def test_namespaced_imports_beside_stock_and_without_it(beside_stock: Environment) -> None:
    """
    Both are there under their own names, and importing ours imports nothing of stock.
    """
    ours = identify(beside_stock, "paramiko_patched")
    assert ours["version"] == VERSIONS["namespaced"]
    assert ours["banner"] == "paramiko_5.1.0"
    assert ours["stock"] == []
    stock = identify(beside_stock, "paramiko")
    assert stock["version"] == "5.1.0"
    assert stock["file"] != ours["file"]
    both = "import paramiko, paramiko_patched as p; print(p.SSHException is paramiko.SSHException)"
    assert beside_stock.run("-c", both).stdout == "False\n"
    beside_stock.pip("check")


def test_dropin_is_paramiko_to_code_and_installers(dropin: Environment) -> None:
    """
    The drop-in is imported as paramiko and satisfies pins of the release it is made from.
    """
    ours = identify(dropin, "paramiko")
    assert ours["version"] == "5.1.0"
    assert ours["banner"] == "paramiko_5.1.0"
    for pin in ("paramiko==5.1.0", "paramiko>=2.4", "paramiko~=5.1.0,<=5.1.0"):
        done = dropin.pip("install", "--no-index", "--dry-run", pin)
        assert "Would install" not in done.stdout
    assert dropin.pip("install", "--no-index", "paramiko===5.1.0", check=False).returncode != 0
    dropin.pip("check")


def test_dropin_holds_no_gate_and_no_other_package(dropin: Environment) -> None:
    """
    Nothing but paramiko comes with the drop-in.
    """
    for module in ("paramiko_gate", "paramiko_patched"):
        done = dropin.run("-c", f"import {module}", check=False)
        assert done.returncode == 1
        assert "ModuleNotFoundError" in done.stderr
    assert not (dropin.folder / "bin" / "paramiko-gate").exists()


def test_gate_command_is_installed_and_asks_for_its_extra(beside_stock: Environment) -> None:
    """
    Without the extra the command says in one line what to install, and exits with 2.
    """
    script = beside_stock.folder / "bin" / "paramiko-gate"
    done = beside_stock.run(str(script), "run", check=False)
    assert done.returncode == 2
    assert "paramiko-patched[gate]" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (
            "paramiko_patched",
            f"paramiko-patched {VERSIONS['namespaced']}, imported as paramiko_patched\n",
        ),
        ("paramiko._patched", f"paramiko {VERSIONS['dropin']}, imported as paramiko\n"),
    ],
)
def test_module_prints_what_is_installed(
    beside_stock: Environment, dropin: Environment, command: str, first: str
) -> None:
    """
    Upstream, its hash, the patches with their bugs, the scope and the advisories are told.
    """
    environment = dropin if command.startswith("paramiko.") else beside_stock
    done = environment.run("-m", command)
    assert done.stdout.startswith(first)
    assert "upstream: paramiko 5.1.0, tree sha256 bbd3d4abccc88e4d" in done.stdout
    assert "paramiko-5.1.0-py3-none-any.whl: sha256 d9fe6d67a9d0bbf3" in done.stdout
    assert "https://github.com/paramiko/paramiko/issues/1277" in done.stdout
    assert "scope: Of connections over a proxy command, how they end and" in done.stdout
    assert "; of all connections, what each patch says: " in done.stdout
    looked_up = PINS.line().advisories_checked
    assert f"open advisories of this release, looked up {looked_up}: none known\n" in done.stdout
    assert " as built\n" in done.stdout
    told = json.loads(environment.run("-m", command, "--json").stdout)
    assert told["installed"] == {"intact": True, "modified": [], "missing": [], "added": []}


def test_module_exits_1_and_names_files_when_they_differ(
    dropin: Environment, damaged: Damage
) -> None:
    """
    A modified, a missing and an added file are each named.
    """
    package = dropin.package("paramiko")
    damaged(package / "sftp_si.py", (package / "sftp_si.py").read_bytes() + b"\n")
    damaged(package / "win_pageant.py", None)
    damaged(package / "extra.py", b"")
    done = dropin.run("-m", "paramiko._patched", check=False)
    assert done.returncode == 1
    assert (
        "files: NOT as built\n"
        "  modified: sftp_si.py\n"
        "  missing: win_pageant.py\n"
        "  added: extra.py\n"
    ) in done.stdout
    done = dropin.run("-m", "paramiko._patched", "--json", check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["installed"]["modified"] == ["sftp_si.py"]


def test_module_exits_1_without_traceback_when_provenance_is_gone(
    dropin: Environment, damaged: Damage
) -> None:
    """
    A package that cannot say what it is says so.
    """
    damaged(dropin.package("paramiko") / "_patched.json", None)
    done = dropin.run("-m", "paramiko._patched", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("the provenance of this package cannot be read\n  wanted: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "files": []}']
)
def test_module_exits_1_without_traceback_when_provenance_is_damaged(
    dropin: Environment, damaged: Damage, text: str
) -> None:
    """
    A provenance file with something cut out of it is no provenance.
    """
    damaged(dropin.package("paramiko") / "_patched.json", text.encode())
    for arguments in ([], ["--json"]):
        done = dropin.run("-m", "paramiko._patched", *arguments, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("the provenance of this package cannot be read\n  wanted: ")
        assert "\n  hint: install the wheel again\n" in done.stderr
        assert "Traceback" not in done.stderr


def test_module_can_be_asked_when_package_no_longer_imports(
    dropin: Environment, damaged: Damage
) -> None:
    """
    Run as a file, in isolation, the check works on a package too damaged to import.
    """
    package = dropin.package("paramiko")
    damaged(package / "transport.py", b"this is no Python\n")
    done = dropin.run("-I", str(package / "_patched" / "__main__.py"), check=False)
    assert done.returncode == 1
    assert "  modified: transport.py\n" in done.stdout
