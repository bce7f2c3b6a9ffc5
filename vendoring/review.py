"""
Show what the fork changes, and what a patch can take hold of.

For reviewers and for whoever writes a patch; the build does not come here.
Works on the modules before they are renamed, as the patches see them.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vendoring.errors import Finding, SeriesError, SpliceError
from vendoring.guards import ast_guard, node_text, source_lines, start_line, text_guard
from vendoring.overlay import read_overlays
from vendoring.pins import Line
from vendoring.scopes import bindings, bound_names, statements_of
from vendoring.series import Patch
from vendoring.splice import apply_series, splice

__all__ = ["diff", "guards", "met_by", "only_module", "trees"]

COLUMNS = 100


def trees(
    root: Path,
    pristine: Mapping[str, str],
    series: Sequence[Patch],
    line: Line,
    only: str | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """
    Return the modules before and after the change that is looked at.

    :param only: a patch's name; ``None`` means the series and the overlays
    :raises SeriesError: there is no such patch
    :raises SpliceError: the series does not apply
    """
    series = [patch for patch in series if patch.is_for(line.version)]
    if only is None:
        after = splice(pristine, series, line.version)
        return dict(pristine), {**after, **read_overlays(root)}
    place = _place(series, line, only)
    before = splice(pristine, series[:place], line.version)
    return before, splice(before, series[place : place + 1], line.version)


def met_by(
    pristine: Mapping[str, str], series: Sequence[Patch], line: Line, patch: str | None
) -> tuple[dict[str, str], list[str]]:
    """
    Return the modules as a patch meets them, also where the series does not fit.

    Whoever mends a patch has to see what it can hold on to before the patches
    in front of it are mended.

    :param patch: a patch's name; ``None`` means after the whole series
    :returns: the modules, and the patches that do not fit and are not wholly in
        them
    :raises SeriesError: there is no such patch
    """
    series = [each for each in series if each.is_for(line.version) or each.name == patch]
    place = len(series) if patch is None else _place(series, line, patch)
    files, failed = apply_series(pristine, series[:place], line.version)
    return files, list(failed)


def only_module(files: Mapping[str, str], name: str) -> dict[str, str]:
    """
    Return the one module of that name, or nothing if there is none here.

    :param str name: a path inside the package, or as it is imported, without
        the package's own name
    """
    folder = name.replace(".", "/")
    paths = (name, f"{folder}.py", f"{folder}/__init__.py")
    return next(({path: files[path]} for path in paths if path in files), {})


def _place(series: Sequence[Patch], line: Line, name: str) -> int:
    names = [patch.name for patch in series]
    if name not in names:
        raise SeriesError(
            Finding(
                f"line {line.version} has no such patch",
                "one of " + ", ".join(names or ["none"]),
                name,
            )
        )
    return names.index(name)


def diff(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """
    Yield the lines of a unified diff between two sets of modules.
    """
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        yield from difflib.unified_diff(
            source_lines(old or ""),
            source_lines(new or ""),
            "/dev/null" if old is None else f"a/paramiko/{path}",
            "/dev/null" if new is None else f"b/paramiko/{path}",
        )


def guards(files: Mapping[str, str], name: str) -> Iterator[str]:
    """
    Yield one row per guard: a definition's own, then those of its parts.

    :param str name: a module, then the dotted name of a definition in it
    :raises SpliceError: there is no such module or definition
    """
    module, *path = name.split(".")
    text = files.get(f"{module}.py")
    if text is None:
        raise SpliceError(Finding("there is no such module", "a module's name", module))
    lines = source_lines(text)
    node: ast.AST = ast.parse(text)
    for part in path:
        found = bindings(node, part) if isinstance(node, (ast.Module, ast.ClassDef)) else []
        if not found:
            raise SpliceError(Finding(f"{module}.py has no {name}", "a name it binds", part))
        node = found[0].node
    if isinstance(node, ast.stmt):
        yield _row(lines, node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for statement in statements_of(node):
            yield _row(lines, statement)
    elif isinstance(node, (ast.Module, ast.ClassDef)):
        for statement in node.body:
            if bound_names(statement):
                yield _row(lines, statement)


def _row(lines: list[str], node: ast.stmt) -> str:
    text = node_text(lines, node)
    try:
        shape = ast_guard(text)
    except SyntaxError:
        # A statement that shares its line: it has no guard of its own.
        shape = ""
    row = f"{start_line(node):5} {text_guard(text)} {shape:20} {text.splitlines()[0]}"
    return row[:COLUMNS].rstrip()
