"""
Modules of ours go into the package; one that replaces upstream's says so.
"""

from __future__ import annotations

import json
import re

import pytest
from checkout import ROOT, Checkout

from vendoring.pinfile import read_pins

PINS = read_pins(ROOT)


def test_stage_refuses_module_of_ours_when_it_would_replace_upstreams(checkout: Checkout) -> None:
    """
    A file of ours with the name of an upstream module is refused unless it is listed.
    """
    (checkout.root / "paramiko_patched" / "ber.py").write_text("", encoding="utf-8")
    said = checkout.refusal()
    assert said.startswith("paramiko_patched/ber.py would replace upstream's module unannounced\n")
    assert '  wanted: an [overlay."ber.py"] table in upstream.toml\n  got: none\n' in said
    assert "  hint: its guard for paramiko 5.1.0 is " in said


def test_stage_refuses_overlay_when_upstreams_module_is_another(checkout: Checkout) -> None:
    """
    An overlay replaces only the upstream text it was written for.
    """
    checkout.edit("upstream.toml", '["f734e26bdfd34493"]', f'["{"0" * 16}", "{"1" * 16}"]')
    said = checkout.refusal()
    assert said.startswith("proxy.py of paramiko 5.1.0 is not the module paramiko_patched/proxy.py")
    assert f"  wanted: {'0' * 16} or {'1' * 16}\n  got: f734e26bdfd34493\n" in said


def test_stage_refuses_overlay_when_upstream_has_no_such_module(checkout: Checkout) -> None:
    """
    A module that upstream dropped is not brought back unnoticed.
    """
    checkout.edit("upstream.toml", '[overlay."proxy.py"]', '[overlay."_carrier.py"]')
    said = checkout.refusal()
    assert "_carrier.py of paramiko 5.1.0 is not the module paramiko_patched/_carrier.py" in said
    assert "  got: no such module\n" in said


def test_stage_refuses_overlay_when_it_is_listed_and_missing(checkout: Checkout) -> None:
    """
    A listed overlay that is not there does not leave upstream's module in place.
    """
    (checkout.root / "paramiko_patched" / "proxy.py").unlink()
    said = checkout.refusal()
    assert said.startswith("upstream.toml lists the overlay proxy.py\n")
    assert "  wanted: paramiko_patched/proxy.py\n  got: no such file\n" in said


def test_stage_refuses_patch_when_overlay_replaces_its_module(checkout: Checkout) -> None:
    """
    What the series does to a module cannot be thrown away by an overlay.
    """
    checkout.patch("0001-sample", proxy="# adds after: ClosingContextManager\nimport errno\n")
    said = checkout.refusal()
    assert "paramiko_patched/proxy.py would throw away what the series does to proxy.py\n" in said


def test_stage_refuses_folder_of_ours_when_it_holds_init(checkout: Checkout) -> None:
    """
    An __init__ of ours would make the bare checkout hide the built package.
    """
    (checkout.root / "paramiko_patched" / "__init__.py").write_text("", encoding="utf-8")
    (checkout.root / "paramiko_patched" / "data.json").write_text("", encoding="utf-8")
    said = checkout.refusal()
    assert "paramiko_patched/__init__.py must not exist\n" in said
    assert "paramiko_patched/data.json is not a module\n" in said


def test_stage_puts_overlay_and_added_modules_into_package(checkout: Checkout) -> None:
    """
    Overlays stand in the package under its import name, with a notice where they replace.
    """
    package = checkout.stage()
    for name in ("proxy.py", "_carrier.py", "_patched/__main__.py"):
        ours = (checkout.root / "paramiko_patched" / name).read_text(encoding="utf-8")
        staged = (package / name).read_text(encoding="utf-8")
        assert ours.splitlines()[-1] == staged.splitlines()[-1]
    assert (package / "proxy.py").read_text(encoding="utf-8").startswith("# Changed 20")
    assert "from paramiko_patched." in (package / "proxy.py").read_text(encoding="utf-8")
    assert not (package / "_carrier.py").read_text(encoding="utf-8").startswith("# Changed")


@pytest.mark.parametrize("kind", ["dropin", "namespaced"])
def test_stage_takes_packages_of_ours_along(checkout: Checkout, kind: str) -> None:
    """
    A module in a folder is staged, renamed and told of like one beside upstream's.
    """
    folder = checkout.root / "paramiko_patched" / "_patched" / "wire"
    (folder / "inner").mkdir()
    (folder / "inner" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "inner" / "one.py").write_text("ONE = 1\n", encoding="utf-8")
    imports = (
        "import paramiko._patched.wire.inner\nfrom paramiko._patched.wire.inner.one import ONE"
    )
    (folder / "two.py").write_text(f"{imports}\n", encoding="utf-8")
    # What an interpreter leaves, also where another branch had modules.
    (folder / "gone" / "__pycache__").mkdir(parents=True)
    (folder / "gone" / "__pycache__" / "a.pyc").write_bytes(b"")
    package = checkout.stage("--kind", kind)
    text = (package / "_patched" / "wire" / "two.py").read_text(encoding="utf-8")
    assert text == f"{imports}\n".replace("paramiko", package.name)
    assert not (package / "_patched" / "wire" / "gone").exists()
    told = json.loads((package / "_patched.json").read_text(encoding="utf-8"))
    named = {f"_patched/wire/{name}" for name in ("two.py", "inner/__init__.py", "inner/one.py")}
    assert named <= set(told["files"])
    assert named <= {entry["module"] for entry in told["overlays"]}
    done = checkout.run("diff", "--module", "_patched.wire.two")
    assert done.stdout.startswith("--- /dev/null\n+++ b/paramiko/_patched/wire/two.py\n")
    done = checkout.run("diff", "--module", "_patched.wire")
    assert done.stdout.startswith("--- /dev/null\n+++ b/paramiko/_patched/wire/__init__.py\n")


def test_stage_refuses_folder_of_modules_that_is_no_package(checkout: Checkout) -> None:
    """
    A folder without an __init__ would be staged, and be missing in every wheel.
    """
    folder = checkout.root / "paramiko_patched" / "_patched" / "wire"
    (folder / "__init__.py").unlink()
    (folder / "inner").mkdir()
    (folder / "inner" / "one.py").write_text("", encoding="utf-8")
    (folder / "notes.txt").write_text("", encoding="utf-8")
    said = checkout.refusal()
    assert "paramiko_patched/_patched/wire is not a package\n" in said
    assert "paramiko_patched/_patched/wire/inner is not a package\n" in said
    assert "paramiko_patched/_patched/wire/notes.txt is not a module\n" in said


def test_stage_refuses_package_that_hides_a_module(checkout: Checkout) -> None:
    """
    Python imports the package of two that have one name, so the module would be gone unnoticed.
    """
    for name in ("packet", "_patched/wire"):
        folder = checkout.root / "paramiko_patched" / name
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (checkout.root / "paramiko_patched" / "_patched" / "wire.py").write_text("", encoding="utf-8")
    said = checkout.refusal()
    assert "paramiko_patched/packet/ would hide the module packet.py\n" in said
    assert "paramiko_patched/_patched/wire/ would hide the module _patched/wire.py\n" in said


@pytest.mark.parametrize("module", ["ber.py", "message.py", "sftp_handle.py"])
def test_overlay_takes_the_place_of_each_text_it_was_written_for(
    checkout: Checkout, module: str
) -> None:
    """
    One module of ours for all lines: each line's refusal names a guard, and listing them is enough.
    """
    (checkout.root / "paramiko_patched" / module).write_text("OURS = True\n", encoding="utf-8")
    said = checkout.run("check", "--no-import").stderr
    texts = dict(re.findall(r"its guard for paramiko ([0-9.]+) is ([0-9a-f]{16})", said))
    assert set(texts) == set(PINS.lines)
    guards = sorted(set(texts.values()))
    table = f"""\
[overlay."{module}"]
replaces = {json.dumps(guards)}
date = 2026-12-01
description = "a sample"
bugs = ["not-reported"]

[overlay."proxy.py"]
"""
    checkout.edit("upstream.toml", '[overlay."proxy.py"]\n', table)
    for version in PINS.lines:
        package = checkout.stage("--upstream", version)
        text = (package / module).read_text(encoding="utf-8")
        assert text == "# Changed 2026-12-01 by paramiko-patched: replaced\nOURS = True\n"
        told = json.loads((package / "_patched.json").read_text(encoding="utf-8"))
        (entry,) = (entry for entry in told["overlays"] if entry["module"] == module)
        assert entry["description"] == "a sample"
    # A text that is not listed stops the build of the lines that have it, and of no other.
    checkout.edit("upstream.toml", f'"{guards[0]}"', f'"{"0" * 16}"')
    said = checkout.run("check", "--no-import").stderr
    refused = re.findall(rf"{re.escape(module)} of paramiko ([0-9.]+) is not the module", said)
    assert refused == [version for version in PINS.lines if texts[version] == guards[0]]
