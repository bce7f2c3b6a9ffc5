"""
Modules of ours go into the package; one that replaces upstream's says so.
"""

from __future__ import annotations

from checkout import Checkout


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
    checkout.edit("upstream.toml", '[overlay."proxy.py"]', '[overlay."_patched.py"]')
    said = checkout.refusal()
    assert "_patched.py of paramiko 5.1.0 is not the module paramiko_patched/_patched.py" in said
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
    for name in ("proxy.py", "_patched.py"):
        ours = (checkout.root / "paramiko_patched" / name).read_text(encoding="utf-8")
        staged = (package / name).read_text(encoding="utf-8")
        assert ours.splitlines()[-1] == staged.splitlines()[-1]
    assert (package / "proxy.py").read_text(encoding="utf-8").startswith("# Changed 20")
    assert "from paramiko_patched." in (package / "proxy.py").read_text(encoding="utf-8")
    assert not (package / "_patched.py").read_text(encoding="utf-8").startswith("# Changed")
