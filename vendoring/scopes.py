"""
Find what a name stands for in a module's syntax tree.

A *scope* is a module or a class body; functions are not looked into. Used by
`entries` and `splice`; reads syntax trees only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

__all__ = ["Binding", "Definition", "bindings", "bound_names", "statements_of"]

Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Owner = Union[ast.Module, ast.ClassDef]


@dataclass(frozen=True)
class Binding:
    """
    One place where a scope binds a name.

    :param bool direct: the statement is the scope's own, not inside an `if`,
        `try`, `with` or loop of it
    """

    name: str
    node: ast.stmt
    direct: bool


def bound_names(node: ast.stmt) -> list[str]:
    """
    Return the names a definition, import or assignment binds; else nothing.
    """
    if isinstance(node, Definition):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".", 1)[0] for alias in node.names]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    # Not the `a` of `a.b = c`, which is bound already.
    return [
        name.id
        for target in targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    ]


def bindings(scope: _Owner, name: str) -> list[Binding]:
    """
    Return every place where a scope binds a name, in source order.
    """
    found = [
        Binding(name, node, direct)
        for node, direct in _statements(scope.body, True)
        for bound in bound_names(node)
        if bound == name
    ]
    return sorted(found, key=lambda binding: binding.node.lineno)


def statements_of(function: ast.stmt) -> list[ast.stmt]:
    """
    Return the statements inside a definition, at any depth, that can be named.

    Left out are those that share a line with another one, and an ``elif``,
    which is part of its ``if`` and cannot stand alone.
    """
    nodes = [
        node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function
    ]
    chained = {
        id(node.orelse[0])
        for node in ast.walk(function)
        if isinstance(node, ast.If)
        and len(node.orelse) == 1
        and isinstance(node.orelse[0], ast.If)
        # Same column as its `if`: an `elif`. An `else:` indents the inner one.
        and node.orelse[0].col_offset == node.col_offset
    }
    return [
        node
        for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset))
        if id(node) not in chained and not _shares_line(node, [function, *nodes])
    ]


def _shares_line(node: ast.stmt, nodes: list[ast.stmt]) -> bool:
    for other in nodes:
        if other is node:
            continue
        # `a; b`, and a body on the line of its `if`.
        if other.end_lineno == node.lineno and other.end_col_offset <= node.col_offset:  # type: ignore[operator]
            return True
        if other.lineno == node.end_lineno and other.col_offset >= node.end_col_offset:  # type: ignore[operator]
            return True
        if other.lineno == node.lineno and other.col_offset < node.col_offset:
            return True
    return False


def _statements(body: list[ast.stmt], direct: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        yield node, direct
        if isinstance(node, Definition):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, field, []), False)
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body, False)
