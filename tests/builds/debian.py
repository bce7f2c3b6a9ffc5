"""
The wheels as a Python builds them that this machine does not have: in a Debian made for it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from checkout import ROOT

from vendoring.pinfile import read_pins
from vendoring.pins import KINDS

#: A Debian is made first, from some two hundred packages.
LIMIT_S = 1100

BUILD = """
set -e
python3 --version
python3 -m venv .venv
for line in {lines}; do
    for kind in {kinds}; do
        .venv/bin/pip wheel -q --no-deps -w wheels -C upstream=$line -C kind=$kind .
    done
done
cd wheels
sha256sum *.whl
"""


def hashes_in_debian(suite: str, version: tuple[int, int]) -> Mapping[str, str]:
    """
    Return the SHA-256 of each wheel by its name, built from the commit that is checked out.

    :raises AssertionError: there can be no such Debian here, its Python is another, or it failed
    """
    command = BUILD.format(lines=" ".join(read_pins(ROOT).lines), kinds=" ".join(KINDS))
    done = subprocess.run(
        [str(ROOT / ".ci" / "debian"), suite, command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told, *rows = done.stdout.splitlines()
    assert told.startswith("Python {}.{}.".format(*version)), told
    return {name: digest for digest, name in (row.split() for row in rows)}
