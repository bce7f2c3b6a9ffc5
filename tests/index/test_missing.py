"""
What is missing is named, with what to do about it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from index import servers, stock, tools
from index.servers import ServerError
from index.stock import FetchError
from index.tools import ToolError


def test_missing_programs_are_named_all_at_once(tmp_path: Path) -> None:
    """
    With where they come from.
    """
    (tmp_path / "uv").touch()
    with pytest.raises(ToolError) as refusal:
        tools.require(("twine", "uv", "poetry"), tmp_path)
    what, wanted, hint = str(refusal.value).splitlines()
    assert what == "missing: twine, poetry"
    assert wanted == f"  wanted: in {tmp_path}, in the versions of tests/index/tools.txt"
    assert hint.startswith("  hint: run `tox -e index`")


def test_server_that_ends_at_once_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It is tried again first, since a port may be taken from under it.
    """
    calls = tmp_path / "calls"
    program = tmp_path / "pypi-server"
    program.write_text(
        f"#!/bin/sh\necho again >> {calls}\necho no room on device\nexit 3\n", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setattr(servers, "command_of", lambda name: str(tmp_path / name))
    with pytest.raises(ServerError) as refusal, servers.pypiserver(tmp_path / "files"):
        pass
    what, wanted, got, hint = str(refusal.value).splitlines()
    assert what == "pypi-server does not start on loopback"
    assert wanted.endswith("60 s")
    assert got == "  got: no room on device"
    assert "tox -e index" in hint
    assert calls.read_text().split() == ["again"] * servers.ATTEMPTS


def test_server_that_never_answers_is_given_up_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Within its time, with everything that it started.
    """
    pid = tmp_path / "pid"
    program = tmp_path / "pypi-server"
    program.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 600\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(servers, "command_of", lambda name: str(tmp_path / name))
    monkeypatch.setattr(servers, "START_LIMIT_S", 3.0)
    with pytest.raises(ServerError, match="within 3 s"), servers.pypiserver(tmp_path / "files"):
        pass
    assert not Path("/proc", pid.read_text().strip()).exists()


def test_files_that_pip_cannot_get_are_named_with_where_to_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    pip's own words are in it.
    """
    for name, value in (
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_INDEX_URL", "http://127.0.0.1:9/simple/"),
        ("PIP_RETRIES", "0"),
        ("PIP_FIND_LINKS", ""),
    ):
        monkeypatch.setenv(name, value)
    pinned = tmp_path / "stock.txt"
    pinned.write_text(f"fabric==3.2.3 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    with pytest.raises(FetchError) as refusal:
        stock.fetch(tmp_path / "files", pinned)
    told = str(refusal.value)
    assert told.startswith("pip does not get the files")
    assert "No matching distribution found for fabric==3.2.3" in told
    assert str(tmp_path / "files") in told
