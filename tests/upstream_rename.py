"""
Upstream's own tests, made to import the package by the fork's other name.
"""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

from vendoring.rename import UPSTREAM_NAME, rename_names


def rename_suite(folder: Path, import_name: str, distribution: str) -> tuple[int, int, int]:
    """
    Let the tests import the package by another name.

    Rewritten are names, the targets of ``patch("...")``, and the distribution
    whose version is asked for; other strings, such as logger names, are part
    of what is tested.

    :returns: how many of the three there were
    """
    names = targets = versions = 0
    for path in sorted((folder / "tests").rglob("*.py")):
        before = path.read_text(encoding="utf-8")
        text = rename_names(before, import_name)
        names += text.count(import_name) - before.count(import_name)
        lines = text.splitlines(keepends=True)
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            # A call may be spread over lines.
            if token.type not in (tokenize.NL, tokenize.COMMENT)
        ]
        for first, second, string in reversed(list(zip(tokens, tokens[1:], tokens[2:]))):
            if string.type != tokenize.STRING or second.string != "(":
                continue
            bare = string.string.strip("\"'")
            if first.string == "patch" and bare.split(".")[0] == UPSTREAM_NAME:
                new, targets = import_name, targets + 1
            elif first.string == "version" and bare == UPSTREAM_NAME:
                new, versions = distribution, versions + 1
            else:
                continue
            row, column = string.start
            start = column + 1
            line = lines[row - 1]
            lines[row - 1] = line[:start] + new + line[start + len(UPSTREAM_NAME) :]
        path.write_text("".join(lines), encoding="utf-8")
    return names, targets, versions
