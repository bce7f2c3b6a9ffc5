"""
Real child programs for the tests: proxies as command lines, and programs that use the library.

The proxies are shell and Python one-liners, each with one plain fault. None of them outlives a
minute, whatever goes wrong in a test. A test that is about a whole process (its exit, a fork, its
signals, its memory) writes it as a small program and runs it with `run_program`. Imports no
paramiko of any name.
"""

from __future__ import annotations

import random
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

#: Makes a program of `program` print the stacks of its threads.
SHOW_STACKS = signal.SIGUSR2

#: Whether the library in a program of `program` is forced onto its path for Windows.
threaded_pipes = False

#: What it gets for that before it is killed. Nothing tells when it has done it, if it hangs.
STACKS_S = 0.5


def sh(script: str) -> str:
    """
    Return the command line that runs a shell script.
    """
    return shlex.join(["sh", "-c", script])


def python(source: str) -> str:
    """
    Return the command line that runs Python source in a bare interpreter, which starts fast.
    """
    return shlex.join([sys.executable, "-I", "-S", "-c", textwrap.dedent(source).strip()])


#: Relays its input to its output and ends when its input ends: a proxy in good health.
RELAY = "cat"

#: Never reads, never writes, does not notice the end of its input; SIGTERM ends it.
STALLED = "sleep 60"

#: Exits at once with status 0 and says nothing.
EXITS_ZERO = "true"

#: Kills itself with SIGKILL.
KILLED = sh("kill -9 $$")

#: Closes its output and goes on reading its input until that ends.
CLOSES_OUTPUT = sh("exec >&-; exec cat >/dev/null")

#: Exits with status 0 at once, and leaves a descendant that goes on relaying.
RELAYS_THROUGH_DESCENDANT = sh("exec 3<&0; cat <&3 3<&- & exit 0")

#: Says "ready", then ignores SIGTERM and the end of its input.
IGNORES_SIGTERM = python(
    """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(1, b"ready")
    time.sleep(60)
    """
)

#: What `CLOSES_INPUT` writes before it exits with status 7.
UNREAD_SIZE_BYTES = 60_000

#: Closes its input, writes 60 000 bytes (which fit into the pipe), complains and exits with 7.
CLOSES_INPUT = python(
    f"""
    import os
    os.close(0)
    left = {UNREAD_SIZE_BYTES}
    while left:
        left -= os.write(1, b"x" * left)
    os.write(2, b"input refused\\n")
    os._exit(7)
    """
)


def exits(status: int, output: str = "", complaint: str = "") -> str:
    """
    Return a proxy that writes a few words to its output and its stderr, then exits.
    """
    return sh(
        f"printf %s {shlex.quote(output)}; printf %s {shlex.quote(complaint)} >&2; exit {status}"
    )


def run_program(
    source: str, target: str, *options: str, first: str = "", timeout_s: float = 30.0
) -> str:
    """
    Run a program that uses the library, and return what it wrote to its stdout.

    The program finds the library as ``paramiko``, whatever its real name is. When it exceeds its
    time, the stacks of all its threads are in the report.

    :param str source: Python source, indented as it stands in the test
    :param str target: import name of the library
    :param options: options for the interpreter
    :param str first: what the program runs before it imports the library
    :param float timeout_s: seconds until the program is killed
    :raises AssertionError: the program exited with another status than 0, or too late
    """
    ended = end_program(source, target, *options, first=first, timeout_s=timeout_s)
    assert ended.returncode == 0, report(ended)
    return ended.stdout


def end_program(
    source: str, target: str, *options: str, first: str = "", timeout_s: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """
    Run a program like `run_program`, and return how it ended, whatever its status.

    :raises AssertionError: the program did not end in time
    """
    command = program(source, target, *options, first=first)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        try:
            streams = running.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            running.send_signal(SHOW_STACKS)
            time.sleep(STACKS_S)
            running.kill()
            ended = subprocess.CompletedProcess(command, -9, *running.communicate())
            # `from None`: the chained text would be the whole source of the program.
            raise AssertionError(f"too slow for {timeout_s:g} s\n{report(ended)}") from None
    return subprocess.CompletedProcess(command, running.returncode, *streams)


def program(source: str, target: str, *options: str, first: str = "") -> list[str]:
    """
    Return the argument list that runs a program which finds the library as ``paramiko``.

    On `SHOW_STACKS` it prints the stacks of all its threads to stderr.
    """
    prelude = (
        f"import faulthandler; faulthandler.register({int(SHOW_STACKS)})\n"
        f"{first}\n"
        f"import {target} as paramiko\n"
    )
    if threaded_pipes:
        prelude += (
            f"import sys; sys.path.append({str(Path(__file__).parent)!r})\n"
            f"import threaded_pipes; threaded_pipes.force({target!r}); del threaded_pipes\n"
        )
    if "random" in source:
        # Its chance comes from the seed of the run as well.
        prelude += f"import random; random.seed({random.getrandbits(32)}); del random\n"
    return [sys.executable, *options, "-c", prelude + textwrap.dedent(source)]


def report(ended: subprocess.CompletedProcess[str]) -> str:
    """
    Return how a program ended and what it wrote, for the message of a failed test.
    """
    return f"exit status {ended.returncode}\n--- stdout\n{ended.stdout}\n--- stderr\n{ended.stderr}"
