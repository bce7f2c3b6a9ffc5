"""
After pinning, a person is told what of ours fits the release, and what to do about the rest.
"""

from __future__ import annotations

from checkout import HEADER, Checkout
from release import NEW, Release

ADDED = """\
class Transport:
    # adds after: {}
    def {}(self):
        pass
"""


def test_pin_tells_patches_that_only_wait_from_those_that_drifted(
    checkout: Checkout, release: Release
) -> None:
    """
    What an earlier patch would have added is no drift of upstream's, and is said to wait.
    """
    checkout.patch("0001-drifted", transport=ADDED.format("gone", "sample"))
    checkout.patch("0002-builds-on-it", transport=ADDED.format("sample", "sample2"))
    checkout.patch("0003-and-on-that", transport=ADDED.format("sample2", "sample3"))
    release.write()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    assert "0001-drifted: needs new entries\n" in done.stdout
    assert "0002-builds-on-it: waits for earlier patches to be mended\n" in done.stdout
    assert "0003-and-on-that: waits for earlier patches to be mended\n" in done.stdout
    place = "patches/0001-drifted/transport.py:2: mend that one first\n"
    assert f"hint: an earlier entry for this definition failed, {place}" in done.stdout
    order = "0001-drifted, 0002-builds-on-it, 0003-and-on-that\n"
    assert f"  then, in this order: {order}" in done.stdout


def test_pin_applies_what_fits_of_a_patch_before_it_judges_the_next(
    checkout: Checkout, release: Release
) -> None:
    """
    One entry that drifted does not make the others of its patch look drifted.
    """
    both = ADDED.format("gone", "sample") + "\n    # adds after: close\n    def more(self): pass\n"
    checkout.patch("0001-half", transport=both)
    checkout.patch("0002-on-the-good-half", transport=ADDED.format("more", "sample2"))
    release.write()
    done = checkout.run("pin", NEW)
    assert "0001-half: needs new entries\n" in done.stdout
    assert "0002-on-the-good-half: applies\n" in done.stdout


def test_pin_asks_about_patches_that_are_for_other_lines(
    checkout: Checkout, release: Release
) -> None:
    """
    A patch whose header lists lines is tried all the same, and never left out unsaid.
    """
    header = HEADER + "Lines: 5.1.0\n"
    checkout.patch("0001-would-fit", header, transport=ADDED.format("close", "sample"))
    checkout.patch("0002-would-not", header, transport=ADDED.format("gone", "sample2"))
    release.write()
    done = checkout.run("pin", NEW)
    assert done.returncode == 1
    add = f"add {NEW} to Lines of its HEADER, or leave it out?\n"
    assert f"0001-would-fit: is for 5.1.0 only, but applies: {add}" in done.stdout
    assert "0002-would-not: is for 5.1.0 only, and does not fit here: leave it" in done.stdout
    assert "0 apply as they are, 0 need new entries, 0 wait for those, 2 to decide" in done.stdout


def test_guards_lists_what_a_patch_meets_where_the_series_does_not_fit(
    checkout: Checkout, release: Release
) -> None:
    """
    The hint of the report can be followed before anything is mended.
    """
    checkout.patch("0001-drifted", transport=ADDED.format("gone", "sample"))
    checkout.patch("0002-later", transport=ADDED.format("close", "sample2"))
    release.write()
    checkout.run("pin", NEW)
    definition = "transport.Transport.close"
    done = checkout.run("guards", definition, "--upstream", NEW, "--patch", "0002-later")
    assert done.returncode == 0
    assert "    def close(self):" in done.stdout.splitlines()[0]
    assert done.stderr == "not wholly in this text, since they do not fit: 0001-drifted\n"


def test_diff_prints_what_upstream_changed_between_two_lines(
    checkout: Checkout, release: Release
) -> None:
    """
    Upstream's own changes, of one module if asked, are what a new entry is written from.
    """
    release.change("ber.py", "import paramiko.util as util\n", "from paramiko import util\n")
    release.change("proxy.py", "import os\n", "import os\nimport time\n")
    release.write()
    checkout.run("pin", NEW)
    (release.folder / release.pinned.name).write_bytes(release.pinned.read_bytes())
    done = checkout.run("diff", "--from", "5.1.0", "--upstream", NEW, "--module", "ber")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/paramiko/ber.py\n+++ b/paramiko/ber.py\n")
    assert "-import paramiko.util as util\n+from paramiko import util\n" in done.stdout
    assert "proxy.py" not in done.stdout
    done = checkout.run("diff", "--from", "5.1.0", "--upstream", NEW)
    assert "--- a/paramiko/proxy.py\n" in done.stdout


def test_diff_refuses_what_it_cannot_compare(checkout: Checkout) -> None:
    """
    A module that neither side has, and two questions in one, are refused in words.
    """
    done = checkout.run("diff", "--from", "4.0.0", "--module", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("there is no such module\n  wanted: one of __init__, ")
    done = checkout.run("diff", "--from", "4.0.0", "--patch", "0001-x")
    assert done.returncode == 1
    assert done.stderr.startswith("--from and --patch ask for two different things\n  wanted: ")
