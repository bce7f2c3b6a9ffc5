"""
The ways to build lead to the same wheel, leave the checkout alone, or are refused.
"""

from __future__ import annotations

import fnmatch
import tarfile
from pathlib import Path

import pytest
from building import KINDS, Builder, copy_project
from checkout import ROOT

from vendoring.backend import PROJECT


def files_below(folder: Path) -> set[str]:
    """
    Return the path of every file below a directory.
    """
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_pip_builds_with_isolation_from_nothing_but_the_checkout(
    wheels: dict[str, Path], builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    In an isolated build the front end installs upstream, and the wheel is the same.
    """
    # To compile all that is in an environment for one build takes a third of the time.
    once = {"PIP_COMPILE": "0"}
    words = ["wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(project)]
    builder.environment.pip(*words, variables=once)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.read_bytes() == wheels["namespaced"].read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_sdist_alone_gives_same_wheel_without_index(
    wheels: dict[str, Path], sdists: dict[str, Path], builder: Builder, tmp_path: Path, kind: str
) -> None:
    """
    Our sdist carries upstream and the choice of kind, and needs neither index nor settings.
    """
    wheel = builder.wheel(sdists[kind], tmp_path)
    assert wheel.read_bytes() == wheels[kind].read_bytes()


def test_sdist_holds_complete_source(sdists: dict[str, Path], project: Path) -> None:
    """
    Pristine upstream, our sources, patches and build scripts: what LGPL calls complete.
    """
    with tarfile.open(sdists["dropin"]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
        modes = {member.mode for member in archive if member.isfile()}
        owners = {(member.uid, member.gid, member.uname, member.gname) for member in archive}
    assert modes <= {0o644, 0o755}
    assert owners == {(0, 0, "", "")}
    generated = {"PKG-INFO", "setup.cfg", "target.toml"}
    ours = {
        name for name in names - generated if not name.startswith(("pristine", "paramiko.egg-info"))
    }
    assert files_below(project) <= ours
    assert {"pristine/LICENSE", "pristine/METADATA", "pristine/paramiko/transport.py"} <= names


def test_sdist_refuses_settings_of_another_kind(
    builder: Builder, sdists: dict[str, Path], tmp_path: Path
) -> None:
    """
    What an sdist was made for cannot be changed by a setting.
    """
    assert builder.build(sdists["dropin"], tmp_path, "kind=namespaced") != 0
    assert "this source distribution is for one kind only" in builder.said
    assert "wanted: dropin" in builder.said
    assert not list(tmp_path.glob("*.whl"))


def test_build_leaves_checkout_as_it_was_and_ignores_what_lies_about_in_it(
    wheels: dict[str, Path], builder: Builder, tmp_path: Path
) -> None:
    """
    A build works in a directory of its own: no build and no other tool leaks into another.
    """
    checkout = copy_project(tmp_path / "checkout")
    for stray in ("build/lib/paramiko_patched/stray.py", "dist/x.whl", "paramiko_gate/x.pyc"):
        (checkout / stray).parent.mkdir(parents=True, exist_ok=True)
        (checkout / stray).write_text("", encoding="utf-8")
    before = files_below(checkout)
    wheel = builder.wheel(checkout, tmp_path / "wheel", f"wheelhouse={builder.wheelhouse}")
    after = {path for path in files_below(checkout) if "__pycache__" not in path}
    assert after == before
    assert wheel.read_bytes() == wheels["namespaced"].read_bytes()


def test_build_refuses_in_words_when_upstream_was_tampered_with(
    builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    Through pip as well, a wrong wheel gives what, wanted, got and hint, and no wheel.
    """
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    pinned = next(builder.wheelhouse.glob("paramiko-5.1.0-*.whl"))
    data = bytearray(pinned.read_bytes())
    data[1000] ^= 1
    (folder / pinned.name).write_bytes(data)
    assert builder.build(project, tmp_path / "wheel", f"wheelhouse={folder}") != 0
    assert f"{pinned.name} is not the pinned file" in builder.said
    assert "wanted: " in builder.said
    assert "hint: delete it and fetch it again" in builder.said
    assert "Traceback" not in builder.said
    assert not list((tmp_path / "wheel").glob("*.whl"))


def test_build_refuses_in_words_when_upstream_is_not_at_hand(
    builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    Without isolation, wheelhouse or an installed release, the ways out are named.
    """
    assert builder.build(project, tmp_path / "wheel") != 0
    assert "upstream's release 5.1.0 is not at hand" in builder.said
    assert "PARAMIKO_PATCHED_WHEELHOUSE" in builder.said
    assert "Traceback" not in builder.said


def test_editable_install_is_refused_in_one_sentence(builder: Builder, project: Path) -> None:
    """
    It does not succeed empty: the sentence says what to do instead.
    """
    done = builder.environment.pip(
        "install", "--no-deps", "--no-build-isolation", "--editable", str(project), check=False
    )
    assert done.returncode != 0
    assert "paramiko-patched has no editable install" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert builder.environment.run("-c", "import paramiko_patched", check=False).returncode == 1


def test_stock_in_build_environment_is_used_when_nothing_else_is_there(
    wheels: dict[str, Path], builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    Without isolation, stock paramiko beside the build serves as the source.
    """
    stock = next(builder.wheelhouse.glob("paramiko-5.1.0-*.whl"))
    builder.environment.pip("install", "-q", "--no-deps", "--target", str(tmp_path), str(stock))
    wheel = builder.wheel(project, tmp_path / "wheel", "kind=dropin", PYTHONPATH=str(tmp_path))
    assert wheel.read_bytes() == wheels["dropin"].read_bytes()


def test_dropin_is_no_source_for_another_build(
    wheels: dict[str, Path], builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    Our own output, which `==` takes for upstream, is never patched again.
    """
    ours = str(wheels["dropin"])
    builder.environment.pip("install", "-q", "--no-deps", "--target", str(tmp_path), ours)
    assert builder.build(project, tmp_path / "wheel", PYTHONPATH=str(tmp_path)) != 0
    assert "upstream's release 5.1.0 is not at hand" in builder.said


def test_project_list_names_everything_in_checkout() -> None:
    """
    A new file at the top of the repository cannot be forgotten in the sdist.
    """
    rows = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = [row.rstrip("/") for row in rows] + [".git"]
    present = {
        path.name
        for path in ROOT.iterdir()
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
    }
    assert present - set(PROJECT) == set()
