"""
twine uploads a local version, and neither server replaces a file that it has.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from index.catalogue import NEWEST, Catalogue, upload
from index.devpi import Devpi
from index.servers import Server


@pytest.fixture(params=["devpi", "pypiserver"])
def address(request: pytest.FixtureRequest, catalogue: Catalogue) -> str:
    """
    Return where to upload to an index that has the drop-ins.
    """
    if request.param == "devpi":
        client: Devpi = request.getfixturevalue("devpi")
        return client.upload_url("internal")
    server: Server = request.getfixturevalue("private_server")
    return server.url


def test_other_file_under_a_name_that_the_index_has_is_refused(
    address: str, dropins: dict[str, Path], tmp_path: Path
) -> None:
    """
    So what was locked by its hash stays what it was.
    """
    other = tmp_path / dropins[NEWEST].name
    shutil.copy(dropins[NEWEST], other)
    with zipfile.ZipFile(other, "a") as wheel:
        wheel.comment = b"not what was built"
    done = upload(address, [other], check=False)
    assert done.returncode != 0
    # devpi says that there is a conflict, pypiserver that the request is a bad one.
    assert re.search(r"HTTPError: 40[09]", done.stdout), done.stdout


def test_stranger_cannot_upload(address: str, dropins: dict[str, Path]) -> None:
    """
    Without it none of the pins would mean anything.
    """
    done = upload(address, [dropins[NEWEST]], check=False, user="stranger")
    assert done.returncode != 0
    assert "HTTPError: 40" in done.stdout
