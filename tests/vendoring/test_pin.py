"""
A new upstream release gets its entry, and a report of what of ours still fits.
"""

from __future__ import annotations

from pathlib import Path

from checkout import Checkout
from release import NEW, Release

from vendoring.pinfile import read_pins

STATEMENT = """\
class Transport:
    # replaces statement: {}
    def stop_thread(self):
        pass
"""


def test_pin_writes_entry_that_builds_when_everything_fits(
    checkout: Checkout, release: Release
) -> None:
    """
    An unchanged release needs nothing but its entry, which then is the newest line.
    """
    release.write()
    before = (checkout.root / "upstream.toml").read_text(encoding="utf-8")
    done = checkout.run("pin", NEW)
    assert done.returncode == 0, done.stderr
    assert f"upstream.toml: line {NEW} added; compare the hashes with the index\n" in done.stdout
    assert "overlays, edits and counts: as 5.1.0\n" in done.stdout
    assert "advisories: look them up" in done.stdout
    after = (checkout.root / "upstream.toml").read_text(encoding="utf-8")
    assert after.startswith(before.rstrip("\n"))
    text = (checkout.stage() / "_patched.json").read_text(encoding="utf-8")
    assert f'"version": "{NEW}.{read_pins(checkout.root).patch_level}"' in text
    assert '"checked": ""' in text


def test_pin_says_patch_by_patch_what_needs_new_entry(checkout: Checkout, release: Release) -> None:
    """
    Patches that fit and patches that do not are told apart, all in one run.
    """
    checkout.wheelhouse, folder = release.pinned.parent, checkout.wheelhouse
    rows = checkout.run("guards", "transport.Transport.stop_thread").stdout.splitlines()
    checkout.wheelhouse = folder
    first, second = (row.split()[1] for row in rows[1:3])
    checkout.patch("0001-fits", transport=STATEMENT.format(first))
    checkout.patch("0002-drifted", transport=STATEMENT.format(second))
    release.change(
        "transport.py",
        "        self.active = False\n        self.packetizer.close()\n        # Keep",
        "        self.active = False\n        self.packetizer.close(True)\n        # Keep",
    )
    release.write()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert "0001-fits: applies\n" in done.stdout
    assert "0002-drifted: needs new entries\n" in done.stdout
    assert "of 2 patches: 1 apply as they are, 1 need new entries, 0 wait" in done.stdout
    compare = f"python -m vendoring diff --from 5.1.0 --upstream {NEW} --module transport\n"
    assert f"nearest pinned line: 5.1.0\n  {compare}" in done.stdout
    assert f"Transport.stop_thread of paramiko {NEW}, transport.py, has no such" in done.stdout
    assert f"    wanted: exactly 1 whose guard is {second}\n" in done.stdout
    assert f'[line."{NEW}"]' in (checkout.root / "upstream.toml").read_text(encoding="utf-8")


def test_pin_tells_drift_of_overlay_edit_and_count(checkout: Checkout, release: Release) -> None:
    """
    What is no patch is compared as well: overlays, edits and counts.
    """
    release.change("proxy.py", "import os\n", "import os\nimport paramiko\n")
    release.change("transport.py", "paramiko.__version__", "'x'")
    release.write()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert "overlays: need a look\n  proxy.py of paramiko 5.1.99 is not the module" in done.stdout
    assert "edit client-identification: finds nothing in transport.py\n" in done.stdout
    assert "count client-identification: 0, where 5.1.0 has 1: read" in done.stdout
    assert "count strings" not in done.stdout


def test_pin_refuses_release_when_artefacts_differ(checkout: Checkout, release: Release) -> None:
    """
    A wheel that was not built from its sdist is not pinned.
    """
    release.write(only_in_sdist="# more\n")
    before = (checkout.root / "upstream.toml").read_bytes()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert done.stderr.startswith("paramiko/ber.py is not the same in the wheel and the sdist\n")
    assert "  wanted: sha256 " in done.stderr
    assert (checkout.root / "upstream.toml").read_bytes() == before


def test_pin_refuses_release_when_it_is_pinned(checkout: Checkout) -> None:
    """
    An entry is never written over.
    """
    before = (checkout.root / "upstream.toml").read_bytes()
    done = checkout.run("pin", "5.1.0")
    assert done.returncode == 1
    assert done.stderr.startswith("upstream.toml has a line 5.1.0 already\n")
    assert (checkout.root / "upstream.toml").read_bytes() == before


def test_pin_refuses_release_when_it_is_no_release_number(checkout: Checkout) -> None:
    """
    Pre-releases and slips of the hand are not pinned.
    """
    done = checkout.run("pin", "5.2.0rc1")
    assert done.returncode == 1
    assert done.stderr.startswith("that is not a release number\n  wanted: digits and dots\n")


def test_pin_refuses_release_when_sdist_is_missing(checkout: Checkout, release: Release) -> None:
    """
    A line has both artefacts: the sdist is where upstream's tests are.
    """
    release.write()
    (release.folder / f"paramiko-{NEW}.tar.gz").unlink()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert f"paramiko {NEW} is not complete\n  wanted: one wheel and paramiko-{NEW}.tar.gz\n" in (
        done.stderr
    )


def test_pin_refuses_wheel_when_it_cannot_be_unpacked(checkout: Checkout, release: Release) -> None:
    """
    A wheel that is no archive gives one finding, and upstream.toml stays as it was.
    """
    release.write()
    wheel = release.folder / f"paramiko-{NEW}-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:500])
    before = (checkout.root / "upstream.toml").read_bytes()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{wheel.name} cannot be pinned\n  wanted: a wheel with the")
    assert done.stderr.count("wanted:") == 1
    assert (checkout.root / "upstream.toml").read_bytes() == before


def test_pin_refuses_release_when_python_cannot_read_it(
    checkout: Checkout, release: Release
) -> None:
    """
    A release in another Python's syntax is refused in words.
    """
    release.change("ber.py", "import paramiko.util as util\n", "print 1\n")
    release.write()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert done.stderr.startswith(f"paramiko {NEW} cannot be patched\n  wanted: modules that this")
    assert "Traceback" not in done.stderr


def test_pin_refuses_directory_when_it_is_not_there(checkout: Checkout, tmp_path: Path) -> None:
    """
    A wheelhouse that does not exist is no traceback.
    """
    checkout.wheelhouse = tmp_path / "nowhere"
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert f"paramiko {NEW} is not complete\n  wanted: one wheel and" in done.stderr
    assert f"  got: nothing\n  hint: in {tmp_path / 'nowhere'}; without" in done.stderr
