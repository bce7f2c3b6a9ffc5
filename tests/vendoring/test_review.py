"""
Reviewers see what the fork changes; whoever writes a patch sees what it can hold on to.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import zipfile
from pathlib import Path

from checkout import ROOT, Checkout

ADDED = "class Transport:\n    # adds after: close\n    def sample(self):\n        pass\n"


def apply_diff(text: str, folder: Path) -> None:
    """
    Apply a unified diff without fuzz: old lines must stand exactly where it says.
    """
    for part in re.split(r"^(?=--- )", text, flags=re.MULTILINE)[1:]:
        old, new, *rows = part.splitlines(keepends=True)
        before: list[str] = []
        if not old.startswith("--- /dev/null"):
            source = folder / old.split("/", 1)[1].strip()
            before = source.read_text(encoding="utf-8").splitlines(keepends=True)
        after: list[str] = []
        taken = 0
        for row in rows:
            if place := re.match(r"@@ -(\d+)(,0)?", row):
                start = int(place[1]) if place[2] else int(place[1]) - 1
                after += before[taken:start]
                taken = start
            elif row[0] in " -":
                assert before[taken] == row[1:]
                taken += 1
            if row[0] in " +":
                after.append(row[1:])
        target = folder / new.split("/", 1)[1].strip()
        target.parent.mkdir(exist_ok=True)
        target.write_text("".join(after + before[taken:]), encoding="utf-8")


def test_diff_prints_patch_that_makes_fork_of_upstream(checkout: Checkout, tmp_path: Path) -> None:
    """
    The printed diff, applied to upstream's release, gives the fork's modules.
    """
    checkout.patch("0001-sample", transport=ADDED)
    done = checkout.run("diff")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "upstream"
    with zipfile.ZipFile(next(checkout.wheelhouse.glob("paramiko-5.1.0-*.whl"))) as wheel:
        wheel.extractall(folder)
    apply_diff(done.stdout, folder)
    ours = (checkout.root / "paramiko_patched" / "proxy.py").read_text(encoding="utf-8")
    assert (folder / "paramiko" / "proxy.py").read_text(encoding="utf-8") == ours
    assert (folder / "paramiko" / "_patched" / "wire" / "__init__.py").is_file()
    transport = (folder / "paramiko" / "transport.py").read_text(encoding="utf-8")
    assert "    def sample(self):\n" in transport


def test_diff_prints_one_patch_when_asked(checkout: Checkout) -> None:
    """
    One patch is shown against what the patches before it left.
    """
    checkout.patch("0001-sample", transport=ADDED)
    checkout.patch("0002-more", transport=ADDED.replace("close", "sample").replace("le(", "le2("))
    done = checkout.run("diff", "--patch", "0002-more")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/paramiko/transport.py\n+++ b/paramiko/transport.py\n")
    assert "\n+    def sample2(self):\n" in done.stdout
    assert "\n     def sample(self):\n" in done.stdout
    assert "proxy.py" not in done.stdout


def test_diff_names_patches_when_patch_is_unknown(checkout: Checkout) -> None:
    """
    A patch that is not in the series is refused with those that are.
    """
    checkout.patch("0001-sample", transport=ADDED)
    done = checkout.run("diff", "--patch", "0002-more")
    assert done.returncode == 1
    assert (
        done.stderr
        == "line 5.1.0 has no such patch\n  wanted: one of 0001-sample\n  got: 0002-more\n"
    )


def test_diff_ends_quietly_when_reader_has_seen_enough(checkout: Checkout) -> None:
    """
    A pager that is left early causes no traceback.
    """
    done = subprocess.run(
        ["sh", "-c", shlex.join(checkout.command("diff")) + " | head -n 1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_guards_lists_definition_then_its_parts(checkout: Checkout) -> None:
    """
    Each row gives line, guard, layout-blind guard and the first line of the text.
    """
    rows = checkout.run("guards", "packet.Packetizer").stdout.splitlines()
    assert rows[0].split()[3:] == ["class", "Packetizer:"]
    assert any(row.endswith("    def read_all(self, n, check_rekey=False):") for row in rows)
    inside = checkout.run("guards", "packet.Packetizer.close").stdout.splitlines()
    assert [row.split(maxsplit=3)[3].strip() for row in inside][:2] == [
        "def close(self):",
        "self.__closed = True",
    ]
    line, guard, shape = inside[0].split()[:3]
    assert line.isdigit()
    assert len(guard) == 16
    assert shape.startswith("ast:")


def test_guards_refuses_when_name_is_unknown(checkout: Checkout) -> None:
    """
    A module or a definition that does not exist is told in one line.
    """
    done = checkout.run("guards", "packet.Packetizer.nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("packet.py has no packet.Packetizer.nothing\n")
    assert checkout.run("guards", "nothing").stderr.startswith("there is no such module\n")
