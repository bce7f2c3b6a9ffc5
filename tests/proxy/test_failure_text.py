"""
The failure says what happened: its words, its attributes, and what survives a trip by pickle.
"""

from __future__ import annotations

import copy
import json
import pickle
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from waiting import read_to_failure

Open = Callable[..., Any]

#: Script of a proxy, the reason in the failure, its `returncode`, and its `stderr`.
ENDINGS = {
    "exits-zero": ("exit 0", "exited with status 0", 0, b""),
    "exits-255": ("exit 255", "exited with status 255", 255, b""),
    "exits-with-words": (
        "echo 'Permission denied (publickey).' >&2; exit 255",
        "exited with status 255: Permission denied (publickey).",
        255,
        b"Permission denied (publickey).\n",
    ),
    "killed": ("kill -9 $$", "was killed by signal 9 (SIGKILL)", -9, b""),
    "terminated": ("kill -15 $$", "was killed by signal 15 (SIGTERM)", -15, b""),
    "killed-with-words": (
        "echo out of memory >&2; kill -9 $$",
        "was killed by signal 9 (SIGKILL): out of memory",
        -9,
        b"out of memory\n",
    ),
    "closes-output": (
        "exec >&-; exec cat >/dev/null",
        "closed its output; process still running",
        None,
        b"",
    ),
    "closes-output-with-words": (
        "echo giving up >&2; exec >&-; exec cat >/dev/null",
        "closed its output; process still running: giving up",
        None,
        b"giving up\n",
    ),
}


@pytest.fixture
def failed(open_proxy: Open, failure: Any, tmp_path: Path) -> Callable[[str], Any]:
    """
    Return a function that gives the failure of a proxy, a script whose command is one plain word.
    """

    def fail(script: str) -> Any:
        path = tmp_path / "relay"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return read_to_failure(open_proxy(str(path)), failure)[1]

    return fail


@pytest.mark.parametrize(
    ("script", "reason", "returncode", "stderr"), ENDINGS.values(), ids=ENDINGS
)
def test_failure_names_command_and_reason(
    failed: Callable[[str], Any],
    tmp_path: Path,
    script: str,
    reason: str,
    returncode: int | None,
    stderr: bytes,
) -> None:
    """
    The text is built of the command and the reason; the facts are attributes too.

    Reproduces paramiko#1495.
    """
    error = failed(script)
    command = str(tmp_path / "relay")
    assert str(error) == f'ProxyCommand("{command}") {reason}'
    assert error.args == (command, reason)
    assert (error.command, error.error) == (command, reason)
    assert (error.returncode, error.stderr) == (returncode, stderr)


def test_failure_names_a_real_time_signal_by_number(failed: Callable[[str], Any]) -> None:
    """
    A signal that has no name of its own is told by its number.
    """
    error = failed("kill -40 $$")
    assert "was killed by signal 40" in str(error)
    assert error.returncode == -40


def test_failure_shows_the_words_of_the_command(open_proxy: Open, failure: Any) -> None:
    """
    The command in the failure is the one that was run, with its arguments.
    """
    error = read_to_failure(open_proxy(["false", "db:22"]), failure)[1]
    assert error.command == "false db:22"


def test_failure_stays_an_sshexception(paramiko: ModuleType, failure: Any) -> None:
    """
    The class is an SSHException and neither an OSError nor an EOFError.
    """
    assert issubclass(failure, paramiko.SSHException)
    assert not issubclass(failure, (OSError, EOFError))


def test_failure_has_all_attributes_when_built_from_command_and_error_alone(failure: Any) -> None:
    """
    Code that catches the failure can ask for `returncode` and `stderr` whoever raised it.
    """
    error = failure("ssh -W db:22 bastion", "exited with status 1")
    assert error.args == ("ssh -W db:22 bastion", "exited with status 1")
    assert (error.returncode, error.stderr) == (None, b"")
    assert str(error) == 'ProxyCommand("ssh -W db:22 bastion") exited with status 1'


@pytest.mark.parametrize(
    "travel",
    [
        *(
            pytest.param(
                lambda e, n=number: pickle.loads(pickle.dumps(e, n)), id=f"pickle-{number}"
            )
            for number in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda e: type(e)(*json.loads(json.dumps(e.args))), id="json-of-args"),
    ],
)
def test_failure_keeps_its_words_when_it_travels(
    failed: Callable[[str], Any], travel: Callable[[Any], Any]
) -> None:
    """
    The whole reason is in `args`, so that it arrives wherever a task queue sends the error.
    """
    error = failed("echo 'Permission denied' >&2; exit 255")
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert str(arrived) == str(error)
    assert str(arrived).endswith("exited with status 255: Permission denied")


def test_failure_shows_the_last_five_lines_when_stderr_is_long(
    failed: Callable[[str], Any],
) -> None:
    """
    Of a long complaint the text has the end, the attribute has it all.
    """
    error = failed("seq -f 'complaint %03g' 1 100 >&2; exit 1")
    shown = [number for number in range(1, 101) if f"complaint {number:03}" in str(error)]
    assert shown == [96, 97, 98, 99, 100]
    assert error.stderr.startswith(b"complaint 001\n")


def test_failure_skips_blank_lines_of_stderr(failed: Callable[[str], Any]) -> None:
    """
    Lines without a word do not push out the ones that say something.
    """
    error = failed(r"printf 'no route to host\r\n\n\n \n\n\n\n\n' >&2; exit 1")
    assert "no route to host" in str(error)


@pytest.mark.parametrize(
    "octal",
    [r"\033[31mred", r"\007bell", r"over\rwritten", r"nul\000byte", r"\302\233csi", r"\377\376"],
    ids=["escape", "bell", "carriage-return", "nul", "c1-control", "no-utf-8"],
)
def test_failure_escapes_control_characters_of_stderr(
    failed: Callable[[str], Any], octal: str
) -> None:
    """
    Whatever a proxy writes, the text can go to a terminal or a log without harm.
    """
    error = failed(f"printf 'before {octal} after' >&2; exit 1")
    text = str(error)
    assert "before" in text and "after" in text
    assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs")]


def test_failure_shows_text_in_utf_8(failed: Callable[[str], Any]) -> None:
    """
    Words in another script stay readable.
    """
    assert "Zugriff verweigert für Jürgen" in str(
        failed("echo 'Zugriff verweigert für Jürgen' >&2; exit 1")
    )


@pytest.mark.race
def test_failure_has_the_words_that_came_just_before_the_end(
    failed: Callable[[str], Any],
) -> None:
    """
    Words that the proxy wrote as its last act are in the failure, every time.
    """
    assert str(failed("echo the last word >&2; exit 255")).endswith("status 255: the last word")
