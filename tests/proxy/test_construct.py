"""
What ProxyCommand accepts, what it runs, and what it refuses.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from waiting import read_exactly, read_to_failure

Open = Callable[..., Any]

SAYS_ARGUMENTS = "import sys; sys.stdout.write('|'.join(sys.argv[1:]))"


def test_cmd_holds_the_words_of_the_string(open_proxy: Open) -> None:
    """
    A command line is split as a shell would, and `cmd` holds its words.
    """
    assert open_proxy("cat -u '-'").cmd == ["cat", "-u", "-"]


def test_init_runs_no_shell_by_default(open_proxy: Open, failure: Any) -> None:
    """
    Variables, redirections and pipes in a command line are plain arguments.
    """
    command = shlex.join([sys.executable, "-ISc", SAYS_ARGUMENTS]) + " $HOME '>x' '|' cat"

    data, _ = read_to_failure(open_proxy(command), failure)

    assert data == b"$HOME|>x|||cat"


def test_init_opens_three_unbuffered_pipes_and_nothing_else(
    paramiko: ModuleType, open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    By default the process is started with the words, three unbuffered pipes, and no option more.
    """
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    class RecordingPopen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            seen.append((args, options))
            super().__init__(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", RecordingPopen)
        open_proxy("cat -u")

    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    assert seen == [((["cat", "-u"],), {**pipes, "bufsize": 0})]


def test_process_streams_are_file_objects_on_pipes(open_proxy: Open) -> None:
    """
    `process.stdin`, `stdout` and `stderr` are file objects with descriptors of their own.
    """
    process = open_proxy(children.RELAY).process
    streams = [process.stdin, process.stdout, process.stderr]

    assert isinstance(process, subprocess.Popen)
    assert all(os.readlink(f"/proc/self/fd/{s.fileno()}").startswith("pipe:") for s in streams)
    assert len({stream.fileno() for stream in streams}) == 3


def test_timeout_is_none_at_first(paramiko: ModuleType) -> None:
    """
    A new proxy waits for ever.
    """
    with paramiko.ProxyCommand(children.RELAY) as proxy:
        assert proxy.timeout is None


def test_settimeout_sets_timeout_and_gettimeout_returns_it(open_proxy: Open) -> None:
    """
    The time limit is kept as it was given, and None takes it away again.
    """
    proxy = open_proxy(children.RELAY)
    seen = []
    for timeout_s in (0.25, 0, None):
        proxy.settimeout(timeout_s)
        seen.append((proxy.timeout, proxy.gettimeout()))
    assert seen == [(0.25, 0.25), (0, 0), (None, None)]


def test_fileno_is_the_descriptor_of_the_output(open_proxy: Open) -> None:
    """
    `fileno()` gives the descriptor on which the proxy's output arrives.
    """
    proxy = open_proxy(children.RELAY)
    assert proxy.fileno() == proxy.process.stdout.fileno()


def test_getpeername_is_missing(open_proxy: Open) -> None:
    """
    There is no `getpeername`, so that Transport goes on answering ("unknown", 0).
    """
    assert not hasattr(open_proxy(children.RELAY), "getpeername")


def test_class_stays_a_closing_context_manager(paramiko: ModuleType) -> None:
    """
    The class keeps its module, its name and its base.
    """
    cls = paramiko.ProxyCommand
    assert issubclass(cls, paramiko.util.ClosingContextManager)
    assert (cls.__module__, cls.__qualname__) == (f"{paramiko.__name__}.proxy", "ProxyCommand")


@pytest.mark.parametrize("kind", [list, tuple])
def test_init_takes_a_sequence_as_it_is(open_proxy: Open, failure: Any, kind: Any) -> None:
    """
    A sequence of arguments is run without splitting or unquoting any of them.
    """
    words = [sys.executable, "-ISc", SAYS_ARGUMENTS, "two words", "'quoted'", "", "$HOME"]

    proxy = open_proxy(kind(words))

    assert proxy.cmd == words
    assert read_to_failure(proxy, failure)[0] == b"two words|'quoted'||$HOME"


def test_cmd_is_a_list_of_its_own_when_given_a_list(open_proxy: Open) -> None:
    """
    Changing the list that was passed does not change the proxy.
    """
    words = ["cat", "-u"]
    proxy = open_proxy(words)
    words.append("/etc/passwd")
    assert proxy.cmd == ["cat", "-u"]


@pytest.mark.parametrize(
    "command",
    [None, "", " \t\n", [], ()],
    ids=["None", "empty-string", "blanks", "empty-list", "empty-tuple"],
)
def test_init_refuses_nothing_to_run(paramiko: ModuleType, command: Any) -> None:
    """
    None and an empty command are a ValueError that names the command as the problem.
    """
    with pytest.raises(ValueError, match=r"(?i)command"):
        paramiko.ProxyCommand(command)


def test_init_raises_when_a_quote_is_not_closed(paramiko: ModuleType) -> None:
    """
    A command line that cannot be split is a ValueError, as it always was.
    """
    with pytest.raises(ValueError, match=r"(?i)quotation"):
        paramiko.ProxyCommand("ssh 'bastion")


def test_init_raises_filenotfounderror_when_the_program_is_missing(paramiko: ModuleType) -> None:
    """
    A program that does not exist is a FileNotFoundError that names it, as it always was.
    """
    with pytest.raises(FileNotFoundError, match="no-such-relay"):
        paramiko.ProxyCommand("no-such-relay -W db:22 bastion")


def test_init_refuses_options_by_position(paramiko: ModuleType) -> None:
    """
    The options are keyword-only.
    """
    with pytest.raises(TypeError):
        paramiko.ProxyCommand(children.RELAY, {})


def test_env_is_the_whole_environment(open_proxy: Open, failure: Any) -> None:
    """
    `env` takes the place of the program's environment.
    """
    proxy = open_proxy("/usr/bin/env", env={"BASTION": "one"})
    assert read_to_failure(proxy, failure)[0] == b"BASTION=one\n"


def test_process_stays_in_our_group_by_default(open_proxy: Open) -> None:
    """
    The proxy shares the program's process group and session, so that ssh can ask at the terminal.
    """
    pid = open_proxy(children.RELAY).process.pid
    assert (os.getpgid(pid), os.getsid(pid)) == (os.getpgid(0), os.getsid(0))


def test_start_new_session_makes_the_process_a_leader(open_proxy: Open) -> None:
    """
    With `start_new_session` the proxy leads a session and a group of its own.
    """
    pid = open_proxy(children.RELAY, start_new_session=True).process.pid
    assert (os.getpgid(pid), os.getsid(pid)) == (pid, pid)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo $BASTION", b"one\n"),
        ("printf abc | tr a-c A-C", b"ABC"),
        ("sh -c 'echo lost >&2; echo kept' 2>/dev/null", b"kept\n"),
        ("printf %s%% '100 '", b"100 %"),
        ("printf %s $(echo inner)", b"inner"),
    ],
    ids=["variable", "pipe", "redirection", "quoting", "substitution"],
)
def test_shell_runs_the_command_as_openssh_does(
    open_proxy: Open, failure: Any, command: str, output: bytes
) -> None:
    """
    With `shell` the line goes through the user's shell, with all that a shell offers.
    """
    env = {**os.environ, "SHELL": "/bin/sh", "BASTION": "one"}
    proxy = open_proxy(command, shell=True, env=env)
    assert read_to_failure(proxy, failure)[0] == output


def test_shell_leaves_no_shell_in_front(open_proxy: Open) -> None:
    """
    The command is given to the shell with `exec`, so that the process is the program itself.
    """
    proxy = open_proxy("cat -u", shell=True)
    proxy.send(b"x")
    read_exactly(proxy, 1)
    assert Path(f"/proc/{proxy.process.pid}/cmdline").read_bytes() == b"cat\0-u\0"


def test_shell_is_the_one_that_shell_names(
    open_proxy: Open, failure: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    The shell is $SHELL, called with -c and the line with `exec` in front.
    """
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))

    data, _ = read_to_failure(open_proxy("ssh -W db:22 'b 1'", shell=True), failure)

    assert data == b"-c|exec ssh -W db:22 'b 1'|"


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_shell_is_bin_sh_when_shell_names_none(
    open_proxy: Open, failure: Any, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """
    Without $SHELL the command goes through /bin/sh.
    """
    if value is None:
        monkeypatch.delenv("SHELL", raising=False)
    else:
        monkeypatch.setenv("SHELL", value)

    data, _ = read_to_failure(open_proxy("echo $((6 * 7))", shell=True), failure)

    assert data == b"42\n"
