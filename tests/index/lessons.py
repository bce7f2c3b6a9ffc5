"""
What is there before each section of ``docs/pinning.md``, and what must be there after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from index.catalogue import NEWEST, OLDER, PATCHED

STOCK, DROPIN = NEWEST, PATCHED[NEWEST]


@dataclass(frozen=True)
class Lesson:
    """
    The state around a section's blocks.

    :param after: the paramiko that is installed at the end; nothing if none is
    :param before: the paramiko that is installed at the beginning
    :param internal: ``team/internal`` is ``filled``, ``empty`` or ``missing``; where it is
        filled, the index on ``files.example.com`` has the drop-in as well
    :param old: the index ``team/old`` exists and has the older drop-in
    :param locked: file that must hold the hash of the drop-in
    """

    after: str | None
    before: str | None = None
    internal: str = "filled"
    old: bool = False
    locked: str = ""


#: Every section that has blocks, by its heading.
LESSONS = {
    "Pin the drop-in": Lesson(after=DROPIN, before=STOCK, internal="empty"),
    "Serve it": Lesson(after=None, internal="missing"),
    "pip": Lesson(after=DROPIN, before=STOCK),
    "pip-tools": Lesson(after=DROPIN, locked="requirements.txt"),
    "uv": Lesson(after=DROPIN, locked="uv.lock"),
    "Poetry": Lesson(after=DROPIN, locked="poetry.lock"),
    "Go back": Lesson(after=STOCK, before=DROPIN),
    "Already satisfied": Lesson(after=DROPIN, before=STOCK),
    "Three equals signs": Lesson(after=None),
    "Two indexes with pip": Lesson(after=PATCHED[OLDER], old=True),
    "Two indexes with uv": Lesson(after=STOCK),
    "A mirror that lets paramiko through": Lesson(after=STOCK, internal="missing"),
    "Side by side: `paramiko-patched`": Lesson(after=STOCK, internal="missing"),
    "Scanners": Lesson(after=DROPIN, before=DROPIN),
}
