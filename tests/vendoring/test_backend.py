"""
The build backend asks for what it needs, takes settings, and refuses in words.
"""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import pytest
from checkout import Checkout

from vendoring import acquire, backend
from vendoring.errors import IntegrityError, StageError
from vendoring.pinfile import read_pins
from vendoring.target import TARGET, read_target, target_text


@pytest.fixture(autouse=True)
def no_wheelhouse(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let no wheelhouse of the machine answer for the build.
    """
    monkeypatch.delenv("PARAMIKO_PATCHED_WHEELHOUSE", raising=False)


def refusal(**settings: str) -> str:
    """
    Ask for the requirements of a build, which must be refused in words.
    """
    with pytest.raises(SystemExit) as caught:
        backend.get_requires_for_build_wheel(settings)
    assert isinstance(caught.value.code, str)
    return caught.value.code


def test_requires_names_exactly_the_release_when_it_is_not_at_hand() -> None:
    """
    Three equals signs, since two would admit our own drop-in.
    """
    assert backend.get_requires_for_build_wheel() == ["paramiko===5.1.0"]
    assert backend.get_requires_for_build_sdist({"kind": "dropin"}) == ["paramiko===5.1.0"]


def test_requires_names_nothing_when_wheelhouse_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    A wheelhouse, named either way, is where upstream comes from.
    """
    assert backend.get_requires_for_build_wheel({"wheelhouse": str(tmp_path)}) == []
    monkeypatch.setenv("PARAMIKO_PATCHED_WHEELHOUSE", str(tmp_path))
    assert backend.get_requires_for_build_wheel() == []


def test_requires_refuses_when_setting_is_unknown() -> None:
    """
    A slip in a setting's name does not silently build something else.
    """
    said = refusal(knd="dropin")
    assert said == (
        "there is no such build setting\n  wanted: one of upstream, kind, wheelhouse\n  got: knd"
    )


def test_requires_refuses_when_setting_is_given_twice() -> None:
    """
    Front ends hand on a list then, and neither of the two is silently taken.
    """
    with pytest.raises(SystemExit) as caught:
        backend.get_requires_for_build_wheel({"kind": ["dropin", "namespaced"]})
    assert caught.value.code == (
        "the build setting kind is given more than once\n"
        "  wanted: one -C kind=...\n  got: dropin, namespaced"
    )


def test_build_refuses_when_source_date_epoch_is_no_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The clock of the build is checked before anything is fetched.
    """
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert refusal() == (
        "SOURCE_DATE_EPOCH is not usable\n"
        "  wanted: whole seconds since 1970, or nothing\n  got: yesterday"
    )


def test_requires_refuses_when_line_or_kind_is_unknown() -> None:
    """
    The settings' values are checked before anything is fetched.
    """
    assert refusal(upstream="1.0").startswith("there is no pinned line of that version\n")
    assert refusal(kind="both").startswith("there is no such kind of distribution\n")


def test_hooks_have_the_parameter_names_of_the_standard() -> None:
    """
    Some front ends pass them by position, others by keyword.
    """
    names = {
        "get_requires_for_build_wheel": ["config_settings"],
        "get_requires_for_build_sdist": ["config_settings"],
        "get_requires_for_build_editable": ["config_settings"],
        "build_wheel": ["wheel_directory", "config_settings", "metadata_directory"],
        "build_editable": ["wheel_directory", "config_settings", "metadata_directory"],
        "build_sdist": ["sdist_directory", "config_settings"],
    }
    for hook, parameters in names.items():
        assert list(inspect.signature(getattr(backend, hook)).parameters) == parameters


def test_setup_refuses_when_it_is_run_by_hand() -> None:
    """
    Without the backend there is no staged package to hand to setuptools.
    """
    with pytest.raises(SystemExit) as caught:
        backend.current_build()
    assert caught.value.code == "setup.py is run by the build backend: use `pip install .`"


def test_acquire_prefers_carried_files_to_wheelhouse_to_environment(checkout: Checkout) -> None:
    """
    The nearest source wins, and says where it is.
    """
    line = read_pins(checkout.root).line()
    found = acquire.acquire(line, checkout.root, checkout.wheelhouse)
    assert found.found_in == line.wheel.file
    checkout.carry_pristine()
    found = acquire.acquire(line, checkout.root, checkout.wheelhouse)
    assert found.found_in == "pristine/ of this source distribution"


def test_acquire_takes_installed_release_only_when_version_is_equal(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Our own drop-in, which `==` would take for upstream, is not taken for it.
    """
    line = read_pins(checkout.root).line()
    site = checkout.carry_pristine().parent.rename(tmp_path / "site")
    info = site / "paramiko-5.1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    shutil.move(site / "LICENSE", info / "licenses")
    metadata = (site / "METADATA").read_text(encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    for version, expected in (("5.1.0", True), ("5.1.0+patched.1", False)):
        text = metadata.replace("Version: 5.1.0\n", f"Version: {version}\n")
        (info / "METADATA").write_text(text, encoding="utf-8")
        if expected:
            found = acquire.acquire(line, checkout.root)
            assert found.found_in == "paramiko 5.1.0 installed beside the build"
            assert set(found.files) == set(line.files)
        else:
            with pytest.raises(IntegrityError) as caught:
                acquire.acquire(line, checkout.root)
            assert "upstream's release 5.1.0 is not at hand\n  wanted: " in str(caught.value)


def test_target_is_read_back_as_written_and_checked(tmp_path: Path) -> None:
    """
    A source distribution's choice is complete or refused.
    """
    assert read_target(tmp_path) == {}
    (tmp_path / TARGET).write_text(target_text("dropin", "5.1.0"), encoding="utf-8")
    assert read_target(tmp_path) == {"kind": "dropin", "upstream": "5.1.0"}
    for text, what in (('kind = "dropin"\n', "is not complete"), ("kind =", "cannot be read")):
        (tmp_path / TARGET).write_text(text, encoding="utf-8")
        with pytest.raises(StageError) as caught:
            read_target(tmp_path)
        assert str(caught.value).startswith(f"{TARGET} {what}\n")
