"""
The small language of the comment above an entry of a patch.

Says what is understood, in one place; `entries` decides what it stands above.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "ADDS",
    "FORMS",
    "REPLACES",
    "STATEMENT",
    "WRAPS",
    "Told",
    "is_operation",
    "read_comment",
]

REPLACES = "replaces"
WRAPS = "wraps"
STATEMENT = "replaces statement"
ADDS = "adds after"

FORMS = f"""\
# {REPLACES}: <hash> [<hash> ...]
# {WRAPS}: <hash> [<hash> ...] as <private name>
# {STATEMENT}: <hash> [<hash> ...] [K of N | each of N]
# or {STATEMENT}: <hash> [<hash> ...] [K of N | each of N]
# {ADDS}: <name>"""

_OPERATION = re.compile(rf"#\s*(or )?({STATEMENT}|{REPLACES}|{WRAPS}|{ADDS})\s*:\s*(.*)")
_CONTINUATION = re.compile(r"#\s{3,}(\S.*)")
_OCCURRENCE = re.compile(r"(.*?)\s+([1-9]\d*|each) of ([1-9]\d*)")
_GUARD = re.compile(r"[0-9a-f]{16}")
_AST_GUARD = re.compile(r"ast:[0-9a-f]{16}")


@dataclass(frozen=True)
class Told:
    """
    What an entry comment says.

    :param guards: hashes that admit an upstream text; empty for `ADDS`
    :param ast_guards: only tell a change of layout from a change of code
    :param str argument: the private name of `WRAPS`, the anchor of `ADDS`
    :param occurrence: for `STATEMENT`, which of how many that read the same: (K, N),
        K from 1, or 0 for each of them
    :param bool alternative: serves another line than the entry before it
    """

    operation: str
    guards: tuple[str, ...]
    ast_guards: tuple[str, ...]
    argument: str
    occurrence: tuple[int, int]
    alternative: bool


def is_operation(row: str) -> bool:
    """
    Say whether a line begins an entry comment.
    """
    return _OPERATION.fullmatch(row.strip()) is not None


def read_comment(rows: Sequence[str]) -> tuple[Told | None, int]:
    """
    Read a block of comment lines whose first one begins an entry.

    :returns: what it says, or ``None`` if it is malformed; and how many of the
        lines belong to it, the rest being ordinary comments
    """
    match = _OPERATION.fullmatch(rows[0].strip())
    assert match is not None
    operation, text = match[2], match[3]
    used = 1
    while used < len(rows) and (more := _CONTINUATION.fullmatch(rows[used].strip())):
        text += " " + more[1]
        used += 1
    occurrence = (1, 1)
    if operation == STATEMENT and (chosen := _OCCURRENCE.fullmatch(text)):
        text = chosen[1]
        occurrence = (0 if chosen[2] == "each" else int(chosen[2]), int(chosen[3]))
    words = text.split()
    argument = ""
    if operation == WRAPS and len(words) > 2 and words[-2] == "as":
        argument, words = words[-1], words[:-2]
    elif operation == ADDS and len(words) == 1:
        argument, words = words[0], []
    guards = tuple(word for word in words if _GUARD.fullmatch(word))
    ast_guards = tuple(word for word in words if _AST_GUARD.fullmatch(word))
    understood = (
        len(guards) + len(ast_guards) == len(words)
        and bool(guards) == (operation != ADDS)
        and argument.isidentifier() == (operation in (WRAPS, ADDS))
        and occurrence[0] <= occurrence[1]
        and (operation == STATEMENT or not match[1])
    )
    if not understood:
        return None, used
    return Told(operation, guards, ast_guards, argument, occurrence, bool(match[1])), used
