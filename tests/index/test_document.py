"""
What ``docs/pinning.md`` teaches is done, command by command, and ends as it says.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from building import VERSIONS
from checkout import ROOT
from index import servers
from index.advisories import advisories
from index.catalogue import NEWEST, OLDER, PATCHED, Catalogue, upload
from index.devpi import Devpi
from index.document import Block, read_sections
from index.lessons import LESSONS, Lesson
from index.resolvers import PYTHON
from index.workplace import Workplace

DOCUMENT = ROOT / "docs" / "pinning.md"
USERS = (f"team-{number}" for number in itertools.count())


@dataclass
class Classroom:
    """
    Where a section is done.

    :param place: the desk
    :param addresses: what the document writes, and what it is here
    """

    place: Workplace
    addresses: dict[str, str]

    def here(self, text: str) -> str:
        """
        Return a text of the document as it has to be written here.
        """
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        return text

    def do(self, block: Block) -> None:
        """
        Write the block's file, or run its commands as a shell does and look at what they say.
        """
        if block.language != "console":
            self.place.write(block.name, self.here(block.text))
            return
        refused = block.name == "refused"
        # What goes before a refusal must have worked.
        assert not refused or len(block.commands) == 1, f"line {block.line}"
        script = self.here("\n".join(block.commands))
        done = self.place.run("bash", "-euo", "pipefail", "-c", script, check=False)
        assert (done.returncode != 0) == refused, f"line {block.line}: {done.stdout}"
        rest = done.stdout
        for line in map(self.here, block.told):
            assert line in rest, f"line {block.line}: not there: {line}\n{done.stdout}"
            rest = rest[rest.index(line) + len(line) :]


@pytest.fixture
def classroom(
    request: pytest.FixtureRequest,
    place: Workplace,
    catalogue: Catalogue,
    devpi: Devpi,
    dropins: dict[str, Path],
    namespaced: Path,
    tmp_path: Path,
) -> Iterator[Classroom]:
    """
    Return a place with what a section finds: wheels in ``dist``, indexes, and a paramiko.
    """
    lesson: Lesson = request.param
    (place.folder / "dist").mkdir()
    for wheel in (*dropins.values(), namespaced):
        shutil.copy(wheel, place.folder / "dist")
    user = next(USERS)
    with servers.pypiserver(tmp_path / "files", user) as files:
        devpi.user(user)
        wheels = [dropins[NEWEST]]
        if lesson.internal != "missing":
            devpi.index("internal", "bases=root/pypi", user=user)
        if lesson.internal == "filled":
            upload(devpi.upload_url("internal", user), wheels, user=user)
            upload(files.url, wheels, user=user)
        if lesson.old:
            devpi.index("old", "bases=root/pypi", user=user)
            upload(devpi.upload_url("old", user), [dropins[OLDER]], user=user)
        if lesson.before:
            index = catalogue.stock if lesson.before == NEWEST else catalogue.team
            command = ["uv", "pip", "install", "--index-url", index, "fabric"]
            place.run(*command, f"paramiko=={lesson.before}")
        assert place.installed() == lesson.before
        room = Classroom(
            place,
            {
                "https://index.example.com/team/": f"{devpi.server.url}{user}/",
                "https://index.example.com/": devpi.server.url,
                "devpi login team ": f"devpi login {user} ",
                "https://files.example.com/": files.url,
                "https://public.example.com/simple/": catalogue.stock,
                'requires-python = ">=3.10"': f'requires-python = "{PYTHON}"',
            },
        )
        place.variables["TWINE_USERNAME"] = user
        yield room


def test_every_block_of_the_document_is_run_by_a_lesson() -> None:
    """
    A section with blocks and no lesson is an error, and so is a lesson without its section.
    """
    sections = read_sections(DOCUMENT)
    assert {heading for heading, blocks in sections.items() if blocks} == set(LESSONS)


def test_document_names_the_versions_that_are_built() -> None:
    """
    Of the drop-in and of the other name.
    """
    text = DOCUMENT.read_text(encoding="utf-8")
    found = set(re.findall(r"\d+\.\d+\.\d+\+patched\.\d+\b(?!rc)", text))
    assert found == set(PATCHED.values())
    assert f"paramiko_patched-{VERSIONS['namespaced']}-" in text


@pytest.mark.parametrize(
    ("heading", "classroom"), LESSONS.items(), ids=LESSONS, indirect=["classroom"]
)
def test_section_of_the_document_ends_as_it_says(
    heading: str, classroom: Classroom, dropins: dict[str, Path]
) -> None:
    """
    Every file is written and every command run, in the order of the document.
    """
    lesson, place = LESSONS[heading], classroom.place
    with advisories() as database:
        option = "--vulnerability-service osv"
        classroom.addresses[option] = f"{option} --osv-url {database.url}"
        for block in read_sections(DOCUMENT)[heading]:
            classroom.do(block)
    assert place.installed() == lesson.after
    if lesson.locked:
        digest = hashlib.sha256(dropins[NEWEST].read_bytes()).hexdigest()
        assert digest in place.read(lesson.locked)
    if heading == "Scanners":
        assert database.questions["paramiko"] == NEWEST


def test_block_that_is_neither_commands_nor_a_file_is_refused(tmp_path: Path) -> None:
    """
    So a block cannot be left out by how it is marked.
    """
    document = tmp_path / "document.md"
    for text in ("```\n$ pip list\n```\n", "    $ pip list\n", "```console\npip list\n```\n"):
        document.write_text(f"# Title\n\n{text}", encoding="utf-8")
        with pytest.raises(ValueError, match="line 3: a block"):
            read_sections(document)


def test_output_that_differs_from_the_document_is_an_error(place: Workplace) -> None:
    """
    So are a command that fails and one that should have failed.
    """
    room = Classroom(place, {"https://index.example.com/": "http://127.0.0.1/"})
    room.do(Block("console", "", "$ echo https://index.example.com/\nhttp://127.0.0.1/\n", 1))
    for name, text in (
        ("", "$ echo one\ntwo\n"),
        ("", "$ echo two one\none\ntwo\n"),
        ("", "$ false\n"),
        ("", "$ false | cat\n"),
        ("refused", "$ true\n"),
    ):
        with pytest.raises(AssertionError, match="line 7"):
            room.do(Block("console", name, text, 7))
