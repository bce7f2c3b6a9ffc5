"""
The help is enough to work from: every command is listed, described, and refuses slips.
"""

from __future__ import annotations

import re
import subprocess

import pytest
from checkout import ROOT, Checkout

COMMANDS = ("check", "stage", "diff", "guards", "wheelhouse", "pin")


def test_help_lists_every_command_and_how_it_ends(checkout: Checkout) -> None:
    """
    A person sees the commands, an example of most, and what the exit statuses mean.
    """
    done = checkout.run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command} +\S", done.stdout, re.MULTILINE), command
    assert "Exit status: 0 done, 1 refused or not in order, 2 wrong usage." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_command_says_what_it_does_and_describes_each_option(
    checkout: Checkout, command: str
) -> None:
    """
    Each command has a sentence of its own and no option without a word.
    """
    done = checkout.run(command, "--help")
    assert done.returncode == 0
    about = done.stdout.split("\n\n")[1]
    assert about[0].isupper()
    assert about.endswith(".")
    for row in re.findall(r"^  --?[a-z].*\n(?!    )", done.stdout, re.MULTILINE):
        assert re.search(r"\S  +\S", row.strip()), f"no help for {row}"


def test_wrong_usage_is_told_from_refusal(checkout: Checkout) -> None:
    """
    A command that there is not, and none at all, end with 2 and the usage.
    """
    for arguments in ((), ("fetch", "x"), ("pin",), ("stage",)):
        done = checkout.run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: python -m vendoring")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("--help",), 0, "usage: python -m vendoring"),
        (("guards", "packet.Packetizer.nothing"), 1, "packet.py"),
        (("pin",), 2, "usage: python -m vendoring pin"),
    ],
)
def test_process_ends_with_the_status_of_its_command(
    checkout: Checkout, arguments: tuple[str, ...], status: int, told: str
) -> None:
    """
    What the other tests learn from `main` in this process is what a shell gets.
    """
    done = subprocess.run(
        checkout.command(*arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == status
    where = done.stderr if status else done.stdout
    assert told in where
    assert "Traceback" not in done.stderr


def test_documents_name_only_commands_that_exist() -> None:
    """
    What README and the notes on patches tell a person to type is still there.
    """
    for path in ("README.md", "patches/README.md", "docs/releasing.md", "upstream.toml"):
        text = (ROOT / path).read_text(encoding="utf-8")
        told = re.findall(r"python -m vendoring\s+(?:--\w+ \S+ )?([a-z]+)", text)
        assert told, path
        assert set(told) <= set(COMMANDS), path
