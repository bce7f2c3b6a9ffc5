"""
Upstream is taken only if it is, file by file, what ``upstream.toml`` pins.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from checkout import Checkout


@pytest.fixture
def own_wheelhouse(checkout: Checkout, tmp_path: Path) -> Path:
    """
    Return the wheel in a wheelhouse of its own, which the checkout uses.
    """
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    wheel = next(checkout.wheelhouse.glob("paramiko-5.1.0-*.whl"))
    shutil.copy(wheel, folder)
    checkout.wheelhouse = folder
    return folder / wheel.name


def test_stage_names_wheel_with_both_hashes_when_one_byte_is_flipped(
    checkout: Checkout, own_wheelhouse: Path
) -> None:
    """
    One flipped byte anywhere in the wheel stops the build before anything is patched.
    """
    data = bytearray(own_wheelhouse.read_bytes())
    data[len(data) // 2] ^= 1
    own_wheelhouse.write_bytes(data)
    said = checkout.refusal()
    assert f"{own_wheelhouse.name} is not the pinned file\n" in said
    assert f"  wanted: {len(data)} bytes, sha256 d9fe6d67a9d0bbf3" in said
    assert f"  got: {len(data)} bytes, sha256 " in said
    assert "  hint: delete it and fetch it again" in said


def test_stage_names_wheel_alone_when_it_is_truncated(
    checkout: Checkout, own_wheelhouse: Path
) -> None:
    """
    A wheel that cannot be unpacked gives one finding, not one per missing module.
    """
    data = own_wheelhouse.read_bytes()
    own_wheelhouse.write_bytes(data[:1000])
    said = checkout.refusal()
    assert "got: 1000 bytes" in said
    assert said.count("wanted:") == 1


def test_stage_says_how_to_fill_wheelhouse_when_it_is_empty(
    checkout: Checkout, own_wheelhouse: Path
) -> None:
    """
    A wheelhouse without the wheel is told apart from a wrong wheel.
    """
    own_wheelhouse.unlink()
    said = checkout.refusal()
    assert f"the wheelhouse has no {own_wheelhouse.name}\n" in said
    assert "hint: `python -m vendoring wheelhouse" in said


def test_stage_names_every_file_when_some_are_missing_added_and_changed(
    checkout: Checkout,
) -> None:
    """
    All files that differ from the pinned ones are named in one go.
    """
    package = checkout.carry_pristine()
    (package / "ber.py").unlink()
    (package / "evil.py").write_text("import os\n", encoding="utf-8")
    (package / "channel.py").write_bytes((package / "channel.py").read_bytes() + b"\n")
    said = checkout.refusal()
    assert "paramiko/ber.py is missing from pristine/ of this source distribution\n" in said
    assert "paramiko/evil.py of pristine/ of this source distribution is not part of" in said
    assert "paramiko/channel.py of pristine/ of this source distribution is not the" in said
    assert said.count("wanted:") == said.count("got:") == 3
    assert "wanted: no such file" in said
    assert "got: no such file" in said


def test_stage_accepts_carried_files_beside_byte_code(checkout: Checkout) -> None:
    """
    Byte code that an import left beside upstream's files is not a difference.
    """
    package = checkout.carry_pristine()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "ber.cpython-311.pyc").write_bytes(b"")
    assert not (checkout.stage() / "__pycache__").exists()


def test_stage_refuses_when_licence_or_dependencies_differ(checkout: Checkout) -> None:
    """
    The licence text and the declared dependencies are pinned like the modules.
    """
    pristine = checkout.carry_pristine().parent
    (pristine / "LICENSE").write_text("do as you like\n", encoding="utf-8")
    metadata = (pristine / "METADATA").read_text(encoding="utf-8")
    metadata = metadata.replace("Requires-Dist: bcrypt>=3.2\n", "Requires-Dist: bcrypt2\n")
    (pristine / "METADATA").write_text(metadata, encoding="utf-8")
    said = checkout.refusal()
    assert "the LICENSE of paramiko 5.1.0 is not the pinned one\n" in said
    assert "the dependencies of paramiko 5.1.0 are not the pinned ones\n" in said
    assert "wanted: bcrypt>=3.2, cryptography>=3.3, invoke>=2.0, pynacl>=1.5\n" in said
    assert "got: bcrypt2, cryptography>=3.3, invoke>=2.0, pynacl>=1.5\n" in said


def test_stage_refuses_when_tree_hash_is_not_of_its_files(checkout: Checkout) -> None:
    """
    Changing one file's pinned hash is not enough to let another file in.
    """
    changed = b"changed\n"
    (checkout.carry_pristine() / "ber.py").write_bytes(changed)
    pinned = next(row for row in checkout.pinned().splitlines() if row.startswith('"ber.py"'))
    checkout.edit_line(pinned, f'"ber.py" = "{hashlib.sha256(changed).hexdigest()}"')
    said = checkout.refusal()
    assert said.startswith(
        'upstream.toml: line."5.1.0".tree does not belong to its own files\n  wanted: '
    )
    assert said.count("wanted:") == 1


def test_stage_refuses_incomplete_pristine_folder(checkout: Checkout) -> None:
    """
    A source distribution whose copy of upstream lost its metadata is told so.
    """
    package = checkout.carry_pristine()
    (package.parent / "METADATA").unlink()
    said = checkout.refusal()
    assert "pristine/ of this source distribution is incomplete\n" in said
    assert "METADATA" in said
