"""
Package indexes on loopback: devpi-server, pypiserver, and plain files behind ``http.server``.

Each is the real program in a folder of its own, on a port that was free, and ends with its
``with`` block.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.tools import command_of, environment, run

from vendoring.errors import Finding, PatchedError

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
#: Somebody else may take the port between our look and the server's.
ATTEMPTS = 3

#: Who owns the indexes that tests share, and who may upload to a pypiserver.
USER = "everybody"
PASSWORD = "only-on-loopback"


# Fixtures do not run in a worker of pytest-xdist whose run is broken off, nor after SIGKILL. The
# kernel then ends the server, where it is Linux (1 is PR_SET_PDEATHSIG).
_ENDS_WITH_US = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])
"""


class ServerError(PatchedError):
    """
    A server did not start.
    """


@dataclass(frozen=True)
class Server:
    """
    A server that answers.

    :param url: where it is, with a slash at its end
    :param folder: what it keeps
    """

    url: str
    folder: Path


@contextlib.contextmanager
def pypiserver(folder: Path, user: str = USER) -> Iterator[Server]:
    """
    Serve the distributions of a folder, to which a user may add some.

    Blocks until it answers, at most `START_LIMIT_S`.

    :raises ServerError: it does not start
    """
    folder.mkdir(exist_ok=True)
    passwords = folder.parent / f"{folder.name}.htpasswd"
    # As `htpasswd -s` writes it.
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    passwords.write_text(f"{user}:{{SHA}}{digest}\n", encoding="ascii")
    # Without a fallback: a project that it does not have must not be fetched from outside.
    options = ["--disable-fallback", "--authenticate", "update", "--passwords", str(passwords)]
    command = [command_of("pypi-server"), "run", "--interface", "127.0.0.1", *options]
    with _running(folder, lambda port: [*command, "--port", str(port), str(folder)]) as server:
        yield server


@contextlib.contextmanager
def devpi(folder: Path) -> Iterator[Server]:
    """
    Run a devpi-server with no index in it; its user ``root`` has an empty password.

    Blocks until it answers, at most twice `START_LIMIT_S`.

    :raises ServerError: it does not start
    """
    folder.mkdir(exist_ok=True)
    secret = folder / "secret"
    secret.write_text(secrets.token_urlsafe(48), encoding="ascii")
    secret.chmod(0o600)
    where = ["--serverdir", str(folder / "server")]
    done = run("devpi-init", *where, "--no-root-pypi", limit_s=START_LIMIT_S, check=False)
    if done.returncode != 0:
        raise ServerError(_not_started("devpi-init", done.stdout))
    # What makes guessing a password slow makes every start take half a minute.
    costs = [f"--argon2-{name}-cost={cost}" for name, cost in (("memory", 8), ("time", 1))]
    command = [command_of("devpi-server"), *where, "--host", "127.0.0.1"]
    command += ["--secretfile", str(secret), "--argon2-parallelism=1", *costs]
    with _running(folder, lambda port: [*command, "--port", str(port)]) as server:
        yield server


@contextlib.contextmanager
def plain_files(
    folder: Path, wheels: Iterable[Path], yanked: Collection[str] = ()
) -> Iterator[Server]:
    """
    Serve wheels as an index of plain files, some of them marked as yanked by their names.

    devpi and pypiserver cannot yank; this is what the public index's pages look like.
    Blocks until it answers, at most `START_LIMIT_S`.

    :raises ServerError: it does not start
    """
    pages: dict[str, list[str]] = {}
    for wheel in wheels:
        project = wheel.name.split("-")[0].lower().replace("_", "-")
        target = folder / "simple" / project / wheel.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(wheel)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        mark = ' data-yanked="withdrawn"' if wheel.name in yanked else ""
        link = f'<a href="{wheel.name}#sha256={digest}"{mark}>{html.escape(wheel.name)}</a>'
        pages.setdefault(project, []).append(link)
    for project, links in pages.items():
        page = "<!DOCTYPE html><html><body>" + "<br>".join(links) + "</body></html>"
        (folder / "simple" / project / "index.html").write_text(page, encoding="utf-8")
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    command += ["--directory", str(folder)]
    with _running(folder, lambda port: [*command, str(port)]) as server:
        yield server


@contextlib.contextmanager
def _running(folder: Path, command_on: Callable[[int], list[str]]) -> Iterator[Server]:
    process, url = _start(folder, command_on)
    try:
        yield Server(url, folder)
    finally:
        _end(process)


def _start(
    folder: Path, command_on: Callable[[int], list[str]]
) -> tuple[subprocess.Popen[bytes], str]:
    log = folder.parent / f"{folder.name}.log"
    for attempt in range(1, ATTEMPTS + 1):
        port = _free_port()
        command = command_on(port)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _ENDS_WITH_US, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                # Ctrl-C is for the tests, which then end their servers one after the other.
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}/"
        if _answers(process, url):
            return process, url
        ended = process.poll() is not None
        _end(process)
        if not ended or attempt == ATTEMPTS:
            break
    name = Path(command[0]).name
    raise ServerError(_not_started(name, log.read_text(encoding="utf-8", errors="replace")))


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    # A proxy that the person has configured does not know our loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with direct.open(url, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.05)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(STOP_LIMIT_S)
            return
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _not_started(name: str, output: str) -> Finding:
    tail = "\n".join(output.splitlines()[-12:]) or "no output"
    return Finding(
        f"{name} does not start on loopback",
        wanted=f"an answer within {START_LIMIT_S:.0f} s",
        got=tail,
        hint="run it by hand in the environment that `tox -e index` makes",
    )
