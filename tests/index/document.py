"""
The blocks of ``docs/pinning.md``: files to write, and commands with what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

#: A block of this language is run. A second word, ``refused``, says that its last command fails.
COMMANDS = "console"
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """
    One fenced block.

    :param language: the first word after the fence
    :param name: the second one: a file's name, or ``refused``, or nothing
    :param text: what is inside
    :param line: where it begins, for whoever looks for it
    """

    language: str
    name: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """
        What a person types.
        """
        return [line[len(PROMPT) :] for line in self.text.splitlines() if line.startswith(PROMPT)]

    @property
    def told(self) -> list[str]:
        """
        Lines of the output that the document shows.
        """
        return [line for line in self.text.splitlines() if not line.startswith(PROMPT)]


def read_sections(path: Path) -> dict[str, list[Block]]:
    """
    Return the blocks of a document under the heading that they stand under.

    :raises ValueError: two sections have one heading, or a block is neither a file nor commands
    """
    sections: dict[str, list[Block]] = {}
    heading = ""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None]):
        if token.type == "heading_open" and following is not None:
            heading = following.content
            if heading in sections:
                raise ValueError(f"{path.name}: two sections are called {heading!r}")
            sections[heading] = []
        elif token.type in ("fence", "code_block"):
            sections.setdefault(heading, []).append(_block(token.info, token.content, token.map))
    return sections


def _block(info: str, text: str, lines: list[int] | None) -> Block:
    line = lines[0] + 1 if lines else 0
    language, _, name = info.strip().partition(" ")
    if language == COMMANDS:
        if name not in ("", "refused") or not text.startswith(PROMPT):
            raise ValueError(f"line {line}: a block of commands begins with {PROMPT!r}")
    elif not re.fullmatch(r"[\w.]+\.\w+", name):
        raise ValueError(f"line {line}: a block that is not {COMMANDS!r} names its file")
    return Block(language, name, text, line)
