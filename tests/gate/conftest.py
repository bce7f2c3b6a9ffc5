"""
What the gate's own tests share: the command, a stock interpreter, and wheels that are no stock.

The gate is run as people run it, as a program of its own, in an empty directory. Nothing here
imports a paramiko of any name.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Callable

import pytest
from made_once import made_once

STOCK = "paramiko===5.1.0"
FORK = "paramiko-patched"

RunGate = Callable[..., "subprocess.CompletedProcess[str]"]


#: What the first test that needs stock waits for pip, and others for that one, beside its own time.
INSTALL_LIMIT_S = 600

#: What a run of the gate may take. It is twenty seconds where nothing else runs.
RUN_LIMIT_S = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give the tests that run the gate the time for it, and for installing stock.
    """
    for item in items:
        if item.path.parent == Path(__file__).parent:
            installs = "stock_python" in getattr(item, "fixturenames", ())
            limit_s = RUN_LIMIT_S + 60 + INSTALL_LIMIT_S * installs
            item.add_marker(pytest.mark.timeout(limit_s))


@pytest.fixture
def run_gate(tmp_path: Path) -> RunGate:
    """
    Return a function that runs ``paramiko-gate`` with arguments, in an empty directory.
    """
    directory = tmp_path / "elsewhere"
    directory.mkdir()

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "paramiko_gate", *arguments],
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
        )

    return run


@pytest.fixture(scope="session")
def stock_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """
    Return an interpreter that has stock paramiko and nothing of ours.
    """
    from paramiko_gate.control import build_control

    folder = made_once(
        tmp_path_factory, "stock", lambda new: build_control(STOCK, sys.executable, new)
    )
    return str(folder / "bin" / "python")


@pytest.fixture(scope="session")
def fork_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return the wheel of the installed fork, packed again from what it installed.
    """
    distribution = importlib.metadata.distribution(FORK)
    path = tmp_path_factory.mktemp("fork") / f"{FORK.replace('-', '_')}-{distribution.version}"
    path = path.with_name(f"{path.name}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as wheel:
        for file in distribution.files or []:
            # Scripts lie outside, compiled files are made by whoever imports.
            if not str(file).startswith("..") and not str(file).endswith(".pyc"):
                wheel.write(str(file.locate()), str(file))
    return path


@pytest.fixture(scope="session")
def doctored_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a wheel that calls itself stock paramiko 5.1.0 and holds the fork, without provenance.
    """
    spec = importlib.util.find_spec("paramiko_patched")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    path = tmp_path_factory.mktemp("doctored") / "paramiko-5.1.0-py3-none-any.whl"
    info = "paramiko-5.1.0.dist-info"
    requirements = "".join(
        f"Requires-Dist: {requirement}\n"
        for requirement in importlib.metadata.requires(FORK) or []
        if "extra ==" not in requirement
    )
    with zipfile.ZipFile(path, "w") as wheel:
        for file in package.rglob("*"):
            if file.suffix == ".py":
                # It asks for the version of a distribution that will not be there.
                text = file.read_text("utf-8").replace(f'version("{FORK}")', 'version("paramiko")')
                wheel.writestr(f"paramiko_patched/{file.relative_to(package)}", text)
        wheel.writestr(
            "paramiko/__init__.py",
            "import sys, paramiko_patched\nsys.modules['paramiko'] = paramiko_patched\n",
        )
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: paramiko\nVersion: 5.1.0\n{requirements}",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path
