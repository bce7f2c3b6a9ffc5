"""
Every front end makes the same wheel, from upstream's release or from a wheelhouse.

Each is run with no network at all; a directory stands for the index. A full product of front
ends, lines and kinds would take an hour, so each front end builds one of the eight wheels: every
line is built by some, and both kinds. `test_bits.py` builds all eight through the hook.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from building import SETUPTOOLS, Wheels, copy_project
from builds import seclusion
from builds.front_ends import UV, Site, same, settings
from checkout import ROOT
from environment import Environment

# Front ends make environments, and build sdists before wheels.
pytestmark = pytest.mark.timeout(420, func_only=True)

RUNNERS = ("virtualenv", "uv-venv-runner")

#: Where upstream comes from: the "index", or a wheelhouse beside an "index" without it.
SOURCES = ("index", "wheelhouse")


@pytest.fixture(params=SOURCES)
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    project: Path,
    tools: Path,
    dependencies: Path,
    wheelhouse: Path,
) -> Site:
    """
    Return a site with each source of upstream.
    """
    return Site(tmp_path, project, request.param, tools, dependencies, wheelhouse)


def test_builds_reach_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An index that the machine's own settings name is asked outside, and not where the builds run.

    In a network of its own nothing can be reached; where that is not permitted, no tool is told of
    an index.
    """
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept_one, args=(server, asked), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/simple/"
        monkeypatch.setenv("PIP_INDEX_URL", url)
        # No retries: whoever is hung up on would be asked for a minute.
        command = [sys.executable, "-m", "pip", "download", "--retries", "0", "--no-deps", "six"]
        done = seclusion.run(command, tmp_path, check=False)
        assert done.returncode != 0
        assert not asked.is_set()
        subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert asked.wait(10)


def accept_one(server: socket.socket, asked: threading.Event) -> None:
    """
    Note that somebody has connected, and hang up.
    """
    with contextlib.suppress(OSError):
        server.accept()[0].close()
        asked.set()


def test_pip_builds_from_checkout(site: Site, wheels: Wheels) -> None:
    """
    ``pip wheel .``, in isolation.
    """
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(site.output)]
    site.run(*command, *settings("5.1.0", "dropin"), str(site.project))
    same(site.built(), wheels, "5.1.0", "dropin")


def test_pip_builds_from_git_url(site: Site, wheels: Wheels) -> None:
    """
    ``pip wheel git+file://...``, of what is committed there.
    """
    repository = copy_project(site.folder / "repository", site.project)
    for words in (
        ("init", "--quiet"),
        ("add", "--all", "--force"),
        ("-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--message=all"),
    ):
        subprocess.run(["git", *words], cwd=repository, check=True, timeout=60)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(site.output)]
    site.run(*command, *settings("4.0.0", "namespaced"), f"git+file://{repository}")
    same(site.built(), wheels, "4.0.0", "namespaced")


def test_build_makes_sdist_and_wheel_from_it(site: Site, wheels: Wheels) -> None:
    """
    ``python -m build``: the sdist first, and from it, without settings of its own, the wheel.
    """
    command = [sys.executable, "-m", "build", "--outdir", str(site.output)]
    site.run(*command, *settings("3.5.1", "namespaced"), str(site.project))
    same(site.built(), wheels, "3.5.1", "namespaced")
    assert len(list(site.output.glob("*.tar.gz"))) == 1


def test_uv_builds_sdist_and_wheel_from_it(site: Site, wheels: Wheels) -> None:
    """
    ``uv build``, likewise.
    """
    command = [UV, "build", "--python", sys.executable, "--out-dir", str(site.output)]
    site.run(*command, *settings("2.12.0", "dropin"), str(site.project))
    same(site.built(), wheels, "2.12.0", "dropin")
    assert len(list(site.output.glob("*.tar.gz"))) == 1


def test_uv_installs_what_the_wheel_holds(site: Site, wheels: Wheels) -> None:
    """
    ``uv pip install .`` keeps no wheel: what it installs is compared file by file.
    """
    site.run(UV, "venv", "--python", sys.executable, "env")
    python = str(site.folder / "env" / "bin" / "python")
    command = [UV, "pip", "install", "--python", python, "--no-deps"]
    site.run(*command, *settings("3.5.1", "dropin"), str(site.project))
    (packages,) = (site.folder / "env").glob("lib/python3.*/site-packages")
    with zipfile.ZipFile(wheels["3.5.1", "dropin"]) as wheel:
        for name in wheel.namelist():
            # An installer writes its own.
            if not name.endswith(".dist-info/RECORD"):
                assert (packages / name).read_bytes() == wheel.read(name), name


TOX = """\
[tox]
env_list = installed

[testenv]
package = wheel
wheel_build_env = .pkg
pass_env = PIP_*, UV_*
commands = python -m paramiko_patched --json

[testenv:.pkg]
config_settings_build_wheel =
    upstream=4.0.0
    kind=namespaced
config_settings_get_requires_for_build_wheel =
    upstream=4.0.0
    kind=namespaced
pass_env = PIP_*, UV_*, PARAMIKO_PATCHED_WHEELHOUSE
"""


def test_readme_tells_how_to_build_without_a_network(
    tmp_path: Path, project: Path, tools: Path, wheelhouse: Path, wheels: Wheels
) -> None:
    """
    The README's command, with one directory for upstream and for what builds require.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (words,) = re.findall(
        r"^\$ PARAMIKO_PATCHED_WHEELHOUSE=\$PWD/wheels pip (.*)$", text, re.MULTILINE
    )
    assert f"pip download -d wheels {SETUPTOOLS} tomli\n" in text
    checkout = copy_project(tmp_path / "checkout", project)
    shutil.copytree(tools, checkout / "wheels")
    for wheel in wheelhouse.glob("paramiko-*.whl"):
        shutil.copy(wheel, checkout / "wheels")
    seclusion.run(
        [sys.executable, "-m", "pip", *words.split()],
        checkout,
        variables={"PARAMIKO_PATCHED_WHEELHOUSE": str(checkout / "wheels")},
    )
    (built,) = checkout.glob("paramiko_patched-*.whl")
    same(built, wheels, "5.1.0", "namespaced")


@pytest.mark.parametrize("runner", RUNNERS)
def test_tox_builds_with_either_runner(site: Site, wheels: Wheels, runner: str) -> None:
    """
    tox with virtualenv and pip, and with uv.
    """
    checkout = copy_project(site.folder / "checkout", site.project)
    (checkout / "tox.ini").write_text(TOX, encoding="utf-8")
    work = site.folder / "work"
    done = site.run(
        *[sys.executable, "-m", "tox", "run", "--runner", runner],
        *["--root", str(checkout), "--conf", str(checkout / "tox.ini"), "--workdir", str(work)],
    )
    assert '"distribution": "paramiko-patched"' in done.stdout
    assert '"intact": true' in done.stdout
    assert (work / ".pkg").is_dir()
    (wheel,) = {path.name: path for path in work.rglob("paramiko*.whl")}.values()
    # tox.ini is no part of a wheel, so this checkout's gives the same one.
    same(wheel, wheels, "4.0.0", "namespaced")


@pytest.mark.parametrize("isolation", ["isolated", "not isolated"])
def test_sdist_alone_gives_its_wheel_with_no_index_at_all(
    tmp_path: Path, project: Path, tools: Path, wheelhouse: Path, wheels: Wheels, isolation: str
) -> None:
    """
    A source distribution carries upstream: setuptools is all that it builds from.
    """
    environment = Environment(tmp_path / "env")
    # --upgrade, since a new environment of an older Python has a setuptools that is too old.
    words = ["--no-index", "--find-links", str(tools), "--upgrade", "setuptools", "tomli"]
    environment.pip("install", "--quiet", *words)
    code = (
        "import sys; from vendoring import backend; backend.build_sdist(sys.argv[1], "
        "{'kind': 'dropin', 'upstream': '2.12.0', 'wheelhouse': sys.argv[2]})"
    )
    (tmp_path / "sdist").mkdir()
    environment.run("-c", code, str(tmp_path / "sdist"), str(wheelhouse), cwd=project, limit_s=120)
    (sdist,) = (tmp_path / "sdist").glob("*.tar.gz")
    command = [*environment.pip_command, "wheel", "--no-deps", "-w", str(tmp_path / "out")]
    links = [tools] if isolation == "isolated" else []
    more = [] if isolation == "isolated" else ["--no-build-isolation"]
    seclusion.run([*command, *more, str(sdist)], tmp_path, *links)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    same(wheel, wheels, "2.12.0", "dropin")
