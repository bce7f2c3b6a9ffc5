"""
Stage 5: give the package its import name, and its version a place to come from.

Names are rewritten token by token. What upstream keeps in run-time strings is
edited by the counted list in ``upstream.toml``; the counts are taken on the
pristine files, so that a release with one more of them stops the build instead
of shipping half a rename. Logger names, reprs and the SSH banner stay.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Mapping, Sequence

from vendoring.errors import Finding, StageError
from vendoring.guards import source_lines
from vendoring.pins import FILE_NAME, Edit, Kind, Line

__all__ = ["check_counts", "count", "rename", "rename_names"]

UPSTREAM_NAME = "paramiko"
MODULE_NAME = "__name__"

# Counts that are no edits: what is renamed by token, and what deliberately stays.
NAME_TOKENS = "name-tokens"
MODULE_NAMES = "module-names"
STRINGS = "strings"


def count(files: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, int]:
    """
    Return how often each thing that renaming has to know of occurs.

    :param files: path inside the package to text, pristine
    :returns: ``name-tokens`` are rewritten; ``module-names`` (``__name__``)
        change with the import name; ``strings`` that speak of paramiko stay
        as they are, unless one of the edits, counted by id, changes them
    """
    counts = {NAME_TOKENS: 0, MODULE_NAMES: 0, STRINGS: 0}
    for text in files.values():
        counts[NAME_TOKENS] += len(_name_tokens(text)[UPSTREAM_NAME])
        counts[MODULE_NAMES] += len(_name_tokens(text)[MODULE_NAME])
        counts[STRINGS] += _runtime_strings(text)
    for edit in edits:
        counts[edit.id] = files.get(edit.module, "").count(edit.find)
    return counts


def check_counts(files: Mapping[str, str], edits: Sequence[Edit], line: Line) -> None:
    """
    Return if the pristine files hold exactly what was counted when pinning.

    :raises StageError: with every count that differs
    """
    got = count(files, edits)
    findings = [
        Finding(
            f"the count `{name}` of paramiko {line.version} differs",
            wanted=str(line.counts.get(name, f"a count in {FILE_NAME}")),
            got=str(got.get(name, "nothing counts that")),
            hint="read where upstream names itself before changing the count",
        )
        for name in sorted(set(got) | set(line.counts))
        if got.get(name) != line.counts.get(name)
    ]
    if findings:
        raise StageError(*findings)


def rename(
    files: Mapping[str, str], kind: Kind, edits: Sequence[Edit], line: Line
) -> dict[str, str]:
    """
    Return the modules under the import name of one kind.

    :param files: spliced and overlaid modules, written for ``paramiko``
    :raises StageError: an edit no longer finds its place after the series, or
        a name stands where a token rewrite cannot reach it
    """
    result = dict(files)
    findings = []
    for edit in edits:
        if kind.name not in edit.kinds:
            continue
        text = result.get(edit.module, "")
        if text.count(edit.find) != line.counts.get(edit.id):
            findings.append(
                Finding(
                    f"the edit `{edit.id}` does not find its place in {edit.module}",
                    wanted=f"{line.counts.get(edit.id)} times {edit.find}",
                    got=str(text.count(edit.find)),
                    hint="a patch changed it: change the edit or the patch",
                )
            )
        if edit.module in result:
            # Not in every release; an edit must not make the module it looks for.
            put = edit.put.replace("@UPSTREAM_VERSION@", line.version)
            result[edit.module] = text.replace(edit.find, put)
    if kind.import_name != UPSTREAM_NAME:
        for path, text in result.items():
            findings += _unreachable(path, text)
            result[path] = rename_names(text, kind.import_name)
    if findings:
        raise StageError(*findings)
    return result


def rename_names(text: str, import_name: str) -> str:
    """
    Return a module with the package's name rewritten wherever it is a name.
    """
    lines = source_lines(text)
    # From the end of each line, so that earlier columns stay true.
    for row, column in reversed(_name_tokens(text)[UPSTREAM_NAME]):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + import_name + line[column + len(UPSTREAM_NAME) :]
    return "".join(lines)


# Tokenizing is much of the build's time. Both names are asked for, and by whoever makes both
# kinds of a line twice.
@functools.cache
def _name_tokens(text: str) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {UPSTREAM_NAME: [], MODULE_NAME: []}
    if not any(name in text for name in found):
        return found
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        # After a dot it is an attribute or a module below us, not the package.
        if token.type == tokenize.NAME and token.string in found and previous != ".":
            found[token.string].append(token.start)
        previous = token.string
    return found


def _unreachable(path: str, text: str) -> list[Finding]:
    # Inside an f-string the name is a token from Python 3.12 on and text before that,
    # so that the same sources would give two different wheels.
    if not re.search(rf"{{[^}}]*\b{UPSTREAM_NAME}\b", text):
        return []
    return [
        Finding(
            f"{path}: the package's name is used inside an f-string",
            wanted="the value taken out into a variable",
            got=f"line {node.lineno}",
        )
        for node in ast.walk(ast.parse(text, path))
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id == UPSTREAM_NAME
    ]


@functools.cache
def _runtime_strings(text: str) -> int:
    # A string that is a statement of its own is documentation, and the walk meets the statement
    # first.
    documentation = set()
    found = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr):
            documentation.add(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            told = node.value if isinstance(node.value, str) else repr(node.value)
            found += UPSTREAM_NAME in told and node not in documentation
    return found
