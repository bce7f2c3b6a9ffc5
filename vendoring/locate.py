"""
Find in a module what an entry of a patch acts on, or say why it is not there.

The half of the splice stage that looks: it changes nothing, and hands back
either a statement of the module's syntax tree or a finding. Called by
`splice`, once per patch and module.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Union

from vendoring.comments import ADDS
from vendoring.entries import Entry
from vendoring.errors import Finding
from vendoring.guards import ast_guard, node_text, source_lines, start_line, text_guard
from vendoring.scopes import bindings, bound_names, statements_of

__all__ = ["Locator", "finding"]

_Found = Union[ast.stmt, Finding]


class Locator:
    """
    One module as a patch finds it.

    :param str text: the module's text
    :param str module: its file name
    :param str release: the upstream release, for messages
    :param broken: what earlier entries failed on, or failed to add: (module,
        dotted name) to the place of the entry
    """

    def __init__(
        self, text: str, module: str, release: str, broken: Mapping[tuple[str, str], str]
    ) -> None:
        self.lines = source_lines(text)
        self.module = module
        self._tree = ast.parse(text)
        self._release = release
        self._broken = broken
        # Most patches change several statements of a definition, and to look for them is slow.
        self._statements: dict[ast.stmt, list[tuple[ast.stmt, str, str]]] = {}

    def guarded(self, entry: Entry) -> _Found:
        """
        Return the definition an entry acts on, if its guard admits the text.
        """
        node = self.definition(entry, (*entry.scope, entry.name))
        if isinstance(node, Finding):
            return node
        text = node_text(self.lines, node)
        if text_guard(text) in entry.told.guards:
            return node
        return finding(
            entry,
            f"{entry.target} of paramiko {self._release}, {self.module}:{start_line(node)}, "
            "is not the text this was written for",
            " or ".join(entry.told.guards),
            text_guard(text) + self._moved(entry, [text], [node]),
            *self._hint(entry),
        )

    def statements(self, entry: Entry) -> list[ast.stmt] | Finding:
        """
        Return the statements inside a definition that an entry replaces.
        """
        node = self.definition(entry, (*entry.scope, entry.name))
        if isinstance(node, Finding):
            return node
        if node not in self._statements:
            texts_of = ((each, node_text(self.lines, each)) for each in statements_of(node))
            self._statements[node] = [(each, text, text_guard(text)) for each, text in texts_of]
        named = self._statements[node]
        found = [statement for statement, _, guard in named if guard in entry.told.guards]
        which, number = entry.told.occurrence
        if len(found) == number:
            return found if which == 0 else [found[which - 1]]
        lines = ", ".join(str(statement.lineno) for statement in found)
        got = f"{len(found)}, at lines {lines}" if found else f"none of {len(named)}"
        return finding(
            entry,
            f"{entry.target} of paramiko {self._release}, {self.module}, has "
            + ("another number of such statements" if found else "no such statement"),
            f"exactly {number} whose guard is " + " or ".join(entry.told.guards),
            got + self._moved(entry, [text for _, text, _ in named], [each for each, *_ in named]),
            *self._hint(entry),
        )

    def definition(self, entry: Entry, path: Sequence[str]) -> _Found:
        """
        Return the statement that binds a dotted name, which must be one only.
        """
        scope: ast.Module | ast.ClassDef = self._tree
        for depth, name in enumerate(path, 1):
            dotted = ".".join(path[:depth])
            found = bindings(scope, name)
            if len(found) != 1 or not found[0].direct:
                lines = ", ".join(str(binding.node.lineno) for binding in found)
                if not found:
                    got = "nothing of that name"
                elif len(found) > 1:
                    got = f"{len(found)} of that name, at lines {lines}"
                else:
                    got = f"line {lines}, inside another statement"
                return finding(
                    entry,
                    f"{self.module} of paramiko {self._release} has no single {dotted}",
                    "the name bound exactly once, by a statement of its scope",
                    got,
                    *self._follows(entry, dotted),
                )
            node = found[0].node
            if depth == len(path):
                return self._alone(entry, node, dotted)
            if not isinstance(node, ast.ClassDef):
                return finding(
                    entry,
                    f"{dotted} of {self.module} is not a class",
                    f"class {name}",
                    type(node).__name__,
                )
            scope = node
        raise AssertionError("an entry has a name")

    def user_of(self, name: str, scope: Sequence[str]) -> int | None:
        """
        Return a line that uses a name, as it is or mangled, if there is one.
        """
        mangled = f"_{scope[-1].lstrip('_')}{name}" if scope else name
        # The walk is slow, and a name that is used is in the text.
        if not any(name in line for line in self.lines):
            return None
        for node in ast.walk(self._tree):
            used = {getattr(node, field, None) for field in ("name", "id", "attr", "arg")}
            if used & {name, mangled}:
                return getattr(node, "lineno", 1)
        return None

    def _alone(self, entry: Entry, node: ast.stmt, dotted: str) -> _Found:
        assert node.end_lineno is not None
        first, last = self.lines[start_line(node) - 1], self.lines[node.end_lineno - 1]
        # The parser counts columns in bytes.
        head = first.encode()[: node.col_offset].decode()
        tail = last.encode()[node.end_col_offset :].decode()
        if head.strip(" \t@") or tail.lstrip().startswith(";"):
            return finding(
                entry,
                f"{dotted} of {self.module} shares a line with another statement",
                "a statement on lines of its own",
                f"line {node.end_lineno}: {last.strip()}",
            )
        if entry.told.operation != ADDS and len(bound_names(node)) != 1:
            return finding(
                entry,
                f"{dotted} of {self.module} is bound together with other names",
                "a definition, or an assignment to one name",
                ", ".join(bound_names(node)),
            )
        return node

    def _moved(self, entry: Entry, texts: Sequence[str], nodes: Sequence[ast.stmt]) -> str:
        # Only an entry that carries an `ast:` hash can tell.
        if not entry.told.ast_guards:
            return ""
        for text, node in zip(texts, nodes):
            if ast_guard(text) in entry.told.ast_guards:
                return f" (only comments or layout changed: line {node.lineno}, {text_guard(text)})"
        return " (the code changed, not only its layout)"

    def _hint(self, entry: Entry) -> tuple[str, bool]:
        hint, follows = self._follows(entry, entry.target)
        if not follows:
            name = ".".join((self.module[:-3], entry.target))
            patch = Path(entry.where).parent.name
            hint = (
                f"`python -m vendoring guards {name} --upstream {self._release} "
                f"--patch {patch}` lists what is there"
            )
        return hint, follows

    def _follows(self, entry: Entry, target: str) -> tuple[str, bool]:
        place = self._broken.get((self.module, target))
        # The entries of one patch all act on the text that the patch found.
        if place is None or Path(place).parent == Path(entry.where).parent:
            return "", False
        return f"an earlier entry for this definition failed, {place}: mend that one first", True


def finding(
    entry: Entry, what: str, wanted: str, got: str, hint: str = "", follows: bool = False
) -> Finding:
    """
    Return a finding that begins with the place of an entry.
    """
    return Finding(f"{entry.where}: {what}", wanted, got, hint, follows)
