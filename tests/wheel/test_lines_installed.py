"""
Installed, a wheel of any line says what it is, and the namespaced one leaves stock alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from building import PINS, Wheels
from environment import Environment
from selection import LINES, LINES_AND_KINDS

from vendoring.pins import KINDS

each = pytest.mark.parametrize(("line", "kind"), LINES_AND_KINDS)
MODULES = {"namespaced": "paramiko_patched", "dropin": "paramiko._patched"}

#: Stock cannot be imported, and every module of the namespaced package still is.
ALONE = """
import importlib, pathlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "paramiko":
            raise AssertionError(f"{name} was asked for")
sys.meta_path.insert(0, Refuse())
import paramiko_patched
folder = pathlib.Path(paramiko_patched.__file__).parent
other = {"_winapi", "win_openssh", "win_pageant"}
paths = [path for path in folder.rglob("*.py") if path.stem not in other]
names = [".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in paths]
for name in names:
    importlib.import_module(name.removesuffix(".__init__"))
print(len(names), [name for name in sys.modules if name.split(".")[0] == "paramiko"])
"""

#: What programs do to find out how new it is, apache-libcloud among them.
VERSION = """
import importlib, importlib.metadata, sys
paramiko = importlib.import_module(sys.argv[1])
print(tuple(int(number) for number in paramiko.__version__.split(".")))
print(importlib.metadata.version(sys.argv[2]))
print(paramiko.Transport._CLIENT_ID)
"""

#: Both in one process, in either order: no module and no class is shared.
BOTH = """
import importlib, sys
first, second = (importlib.import_module(name) for name in sys.argv[1:])
shared = {
    name for name in vars(first)
    if isinstance(vars(first)[name], type) and vars(second).get(name) is vars(first)[name]
}
theirs, ours = sys.modules["paramiko"], sys.modules["paramiko_patched"]
print(theirs.__version__, ours.Transport.__module__, sorted(shared))
"""


@pytest.fixture(scope="session")
def installed(
    tmp_path_factory: pytest.TempPathFactory, beside_stock: Environment, line_wheels: Wheels
) -> Callable[[str, str], Path]:
    """
    Return a function that gives a directory with one wheel installed, for PYTHONPATH.
    """
    beside_stock.pip("install", "--quiet", "six")
    done: dict[tuple[str, str], Path] = {}

    def install(line: str, kind: str) -> Path:
        if (line, kind) not in done:
            folder = tmp_path_factory.mktemp(f"{line}-{kind}")
            wheel = str(line_wheels[line, kind])
            words = ["--quiet", "--no-deps", "--no-index", "--target", str(folder), wheel]
            beside_stock.pip("install", *words)
            done[line, kind] = folder
        return done[line, kind]

    return install


@each
def test_module_says_what_it_is_made_of_and_what_is_open(
    beside_stock: Environment, installed: Callable[[str, str], Path], line: str, kind: str
) -> None:
    """
    Release and hash, patches with their bugs, the day it is kept to, and open advisories by id.
    """
    path = {"PYTHONPATH": str(installed(line, kind))}
    pinned = PINS.lines[line]
    version = KINDS[kind].version(line, PINS.patch_level)
    done = beside_stock.run("-m", MODULES[kind], variables=path)
    assert done.stdout.startswith(f"{KINDS[kind].distribution} {version}, imported as ")
    assert f"\nupstream: paramiko {line}, tree sha256 {pinned.tree}\n" in done.stdout
    assert f"\n  {pinned.wheel.file}: sha256 {pinned.wheel.sha256}\n" in done.stdout
    assert "\n  0002-connection-end: " in done.stdout
    assert "\n    https://github.com/paramiko/paramiko/issues/1277\n" in done.stdout
    kept = pinned.kept_until or "a year after the next one is served"
    assert f"\nthis line is kept until {kept}\n" in done.stdout
    known = "" if pinned.advisories else " none known"
    looked_up = f"looked up {pinned.advisories_checked}:{known}"
    assert f"\nopen advisories of this release, {looked_up}\n" in done.stdout
    for advisory in pinned.advisories:
        assert f"\n  {advisory.id}: {advisory.summary}\n" in done.stdout
    assert done.stdout.endswith(" as built\n")
    told = json.loads(beside_stock.run("-m", MODULES[kind], "--json", variables=path).stdout)
    assert told["version"] == version
    assert told["installed"] == {"intact": True, "modified": [], "missing": [], "added": []}


@each
def test_version_is_numbers_and_metadata_says_which_fork(
    beside_stock: Environment, installed: Callable[[str, str], Path], line: str, kind: str
) -> None:
    """
    The drop-in says upstream's number; the metadata of both, and no server, is told the patch.
    """
    path = {"PYTHONPATH": str(installed(line, kind))}
    words = KINDS[kind].import_name, KINDS[kind].distribution
    done = beside_stock.run("-W", "ignore", "-c", VERSION, *words, variables=path)
    number, version, banner = done.stdout.splitlines()
    upstreams = str(tuple(int(part) for part in line.split(".")))
    if kind == "dropin":
        assert number == upstreams
    else:
        assert number.startswith(upstreams[:-1])
    assert version == KINDS[kind].version(line, PINS.patch_level)
    assert banner == f"paramiko_{line}"


@each
def test_module_names_modified_file_and_exits_1(
    beside_stock: Environment,
    installed: Callable[[str, str], Path],
    damaged: Callable[[Path, bytes | None], None],
    line: str,
    kind: str,
) -> None:
    """
    One byte more in one module of any line is found and named.
    """
    folder = installed(line, kind)
    module = folder / KINDS[kind].import_name / "channel.py"
    damaged(module, module.read_bytes() + b"\n")
    path = {"PYTHONPATH": str(folder)}
    done = beside_stock.run("-m", MODULES[kind], variables=path, check=False)
    assert done.returncode == 1
    assert "\nfiles: NOT as built\n  modified: channel.py\n" in done.stdout
    done = beside_stock.run("-m", MODULES[kind], "--json", variables=path, check=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)["installed"]
    assert told == {"intact": False, "modified": ["channel.py"], "missing": [], "added": []}


@pytest.mark.parametrize("line", LINES)
def test_namespaced_never_asks_for_stock(
    beside_stock: Environment, installed: Callable[[str, str], Path], line: str
) -> None:
    """
    Every module of it imports where importing stock is an error.
    """
    path = {"PYTHONPATH": str(installed(line, "namespaced"))}
    number, rest = beside_stock.run("-c", ALONE, variables=path).stdout.split(maxsplit=1)
    assert int(number) > len(PINS.lines[line].files)
    assert rest == "[]\n"


@pytest.mark.parametrize("line", LINES)
def test_stock_and_namespaced_share_nothing_in_one_process(
    beside_stock: Environment, installed: Callable[[str, str], Path], line: str
) -> None:
    """
    In either order both import, each with modules and classes of its own.
    """
    path = {"PYTHONPATH": str(installed(line, "namespaced"))}
    names = ("paramiko", "paramiko_patched")
    for order in (names, names[::-1]):
        done = beside_stock.run("-c", BOTH, *order, variables=path)
        assert done.stdout == f"{PINS.newest} paramiko_patched.transport []\n"
