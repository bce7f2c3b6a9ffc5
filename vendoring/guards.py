"""
How a piece of upstream text is recognised: its guard.

A guard is the first 16 hex digits of the SHA-256 of a definition's or a
statement's dedented source. An ``ast:`` guard is the same over a canonical
dump of its syntax tree; it never admits a text, it only tells whether a text
that is not admitted differs in more than comments and layout. Used by
`entries`, `splice`, `overlay` and the command line.
"""

from __future__ import annotations

import ast
import hashlib
import io
import textwrap
from typing import Any

__all__ = ["ast_guard", "node_text", "source_lines", "start_line", "text_guard"]

DIGITS = 16

# Differ between the Python versions we build on, or say nothing about the code.
_UNSTABLE_FIELDS = {"kind", "type_comment", "type_params", "ctx"}


def text_guard(text: str) -> str:
    """
    Return the guard of a source text, whatever its indentation.
    """
    dedented = textwrap.dedent(text).rstrip("\n")
    return hashlib.sha256(dedented.encode()).hexdigest()[:DIGITS]


def ast_guard(text: str) -> str:
    """
    Return the ``ast:`` guard of a source text that parses by itself.
    """
    dumped = _dump(ast.parse(textwrap.dedent(text)))
    return "ast:" + hashlib.sha256(dumped.encode()).hexdigest()[:DIGITS]


def source_lines(text: str) -> list[str]:
    """
    Return the lines as the parser counts them, with their ends.

    `str.splitlines` also splits at a form feed, which the parser does not.
    """
    lines = list(io.StringIO(text))
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def start_line(node: ast.stmt) -> int:
    """
    Return the first line of a statement, its decorators included; from 1.
    """
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def node_text(lines: list[str], node: ast.stmt) -> str:
    """
    Return the whole source lines a statement stands on.

    :param lines: the module's lines, with their ends
    """
    assert node.end_lineno is not None
    return "".join(lines[start_line(node) - 1 : node.end_lineno])


def _dump(value: Any) -> str:
    # ast.dump itself is no use: 3.13 leaves out empty fields, older ones do not.
    if isinstance(value, ast.JoinedStr):
        # Some releases of 3.12 end a format specification with an empty string.
        parts = [part for part in value.values if getattr(part, "value", None) != ""]
        return "JoinedStr(values=" + _dump(parts) + ")"
    if isinstance(value, ast.AST):
        fields = [
            f"{name}={_dump(field)}"
            for name, field in ast.iter_fields(value)
            if name not in _UNSTABLE_FIELDS and field not in (None, [])
        ]
        return f"{type(value).__name__}({','.join(fields)})"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return repr(value)
