"""
Stage 3: apply the series to the pristine modules.

Works on texts in memory and on whole source lines: nothing outside the named
definitions changes by a byte. An entry is applied only where its guard admits
the text found; a patch sees what the patches before it left. All mismatches of
the whole series are reported at once, and then nothing is returned.
"""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vendoring.comments import ADDS, REPLACES, STATEMENT, WRAPS
from vendoring.entries import Entry
from vendoring.errors import Finding, SpliceError
from vendoring.guards import node_text, source_lines, start_line
from vendoring.locate import Locator, finding
from vendoring.scopes import Definition
from vendoring.series import Patch

__all__ = ["apply_series", "splice"]


def splice(files: Mapping[str, str], series: Sequence[Patch], release: str) -> dict[str, str]:
    """
    Return the modules with every patch of the series applied in order.

    :param files: path inside the package to text, pristine
    :param str release: the upstream release, for messages
    :raises SpliceError: with every entry that does not fit, in series order
    """
    result, failed = apply_series(files, series, release)
    if failed:
        raise SpliceError(*[finding for findings in failed.values() for finding in findings])
    return result


def apply_series(
    files: Mapping[str, str], series: Sequence[Patch], release: str
) -> tuple[dict[str, str], dict[str, list[Finding]]]:
    """
    Apply what fits, module by module, and say for each patch what does not.

    Entries of a patch that fit are applied beside those that do not, so that
    what the next patches meet is as near as can be to what they were written
    for, and a finding of theirs says something about the release.

    :returns: the modules, to be shipped only if nothing failed; the findings by
        patch
    """
    result = dict(files)
    failed: dict[str, list[Finding]] = {}
    broken: dict[tuple[str, str], str] = {}
    for patch in series:
        findings: list[Finding] = []
        for module, entries in patch.entries.items():
            where = f"patches/{patch.name}/{module}"
            if module not in result:
                findings.append(
                    Finding(
                        f"{where}: paramiko {release} has no module {module}",
                        wanted="a file named after an upstream module",
                        got=module,
                        hint="a new module is an overlay: put it in paramiko_patched/",
                    )
                )
                continue
            whole = _fitted(result[module], module, release, tuple(entries))
            if whole is not None:
                result[module] = whole
                continue
            splicer = _Splicer(result[module], module, release, broken)
            splicer.apply(entries)
            result[module] = splicer.finish(where)
            findings += splicer.findings
        if findings:
            failed[patch.name] = findings
    return result, failed


# Whoever makes both kinds of a line asks twice about the same texts.
@functools.cache
def _fitted(text: str, module: str, release: str, entries: tuple[Entry, ...]) -> str | None:
    """
    Return a module with all entries of one patch applied, or ``None`` if one does not fit.
    """
    splicer = _Splicer(text, module, release, {})
    splicer.apply(entries)
    result = splicer.finish(module)
    return None if splicer.findings else result


@dataclass(frozen=True)
class _Change:
    """
    New lines in place of the lines first..last (from 1; last < first inserts).
    """

    first: int
    last: int
    text: str
    entry: Entry


class _Splicer:
    """
    Applies the entries that one patch has for one module.
    """

    def __init__(
        self, text: str, module: str, release: str, broken: dict[tuple[str, str], str]
    ) -> None:
        self.text = text
        self.module = module
        self.locator = Locator(text, module, release, broken)
        # What a patch failed on, or to add: later complaints may follow from that.
        self.broken = broken
        self.findings: list[Finding] = []
        self.changes: list[_Change] = []

    def apply(self, entries: Sequence[Entry]) -> None:
        for group in _grouped(entries):
            self.apply_group(group)

    def apply_group(self, group: Sequence[Entry]) -> None:
        """
        Apply the one entry of several for the same target whose guard fits.
        """
        complaints: list[Finding] = []
        fitting: list[list[_Change]] = []
        for entry in group:
            outcome = self.outcome(entry)
            if isinstance(outcome, Finding):
                complaints.append(outcome)
            else:
                fitting.append(outcome)
        if len(fitting) > 1:
            self.findings.append(
                finding(
                    fitting[1][0].entry,
                    "two entries of one patch fit the same text",
                    "hashes that belong to one entry only",
                    f"{fitting[0][0].entry.where} fits too",
                )
            )
        elif fitting:
            self.changes += fitting[0]
        else:
            self.findings += complaints
            for entry in group:
                for name in _touched(entry):
                    self.broken.setdefault((self.module, name), entry.where)

    def outcome(self, entry: Entry) -> list[_Change] | Finding:
        """
        Return what one entry changes, or why it does not fit.
        """
        if entry.told.operation == STATEMENT:
            return self.replace_statements(entry)
        operate = {REPLACES: self.replace, WRAPS: self.wrap, ADDS: self.add}
        change = operate[entry.told.operation](entry)
        return change if isinstance(change, Finding) else [change]

    def replace(self, entry: Entry) -> _Change | Finding:
        node = self.locator.guarded(entry)
        if isinstance(node, Finding):
            return node
        return _change(node, entry.text, entry)

    def wrap(self, entry: Entry) -> _Change | Finding:
        node = self.locator.guarded(entry)
        if isinstance(node, Finding):
            return node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return finding(entry, "only a function can be wrapped", "a def", type(node).__name__)
        private = entry.told.argument
        if line := self.locator.user_of(private, entry.scope):
            return finding(
                entry,
                f"the private name {private} is taken",
                "a name that upstream and earlier patches do not use",
                f"{self.module}:{line} uses it",
            )
        rows = source_lines(node_text(self.locator.lines, node))
        index = node.lineno - start_line(node)
        rows[index], renamed = re.subn(
            rf"(\bdef\s+){node.name}\b", rf"\g<1>{private}", rows[index], count=1
        )
        assert renamed == 1, "a def line names its function"
        text = "".join(rows) + _gap(entry) + entry.text
        return _change(node, text + _documentation(node, private, entry), entry)

    def replace_statements(self, entry: Entry) -> list[_Change] | Finding:
        statements = self.locator.statements(entry)
        if isinstance(statements, Finding):
            return statements
        changes = []
        for statement in statements:
            indent = " " * statement.col_offset
            rows = source_lines(entry.body)
            body = "".join(indent + row if row.strip() else row for row in rows)
            changes.append(_change(statement, body, entry))
        return changes

    def add(self, entry: Entry) -> _Change | Finding:
        node = self.locator.definition(entry, (*entry.scope, entry.told.argument))
        if isinstance(node, Finding):
            return node
        assert node.end_lineno is not None
        end = node.end_lineno
        gap = _gap(entry)
        before = gap if _is_definition(entry) or isinstance(node, Definition) else ""
        following = self.locator.lines[end] if end < len(self.locator.lines) else "\n"
        after = gap if before and following.strip() else ""
        return _Change(end + 1, end, before + entry.text + after, entry)

    def finish(self, where: str) -> str:
        """
        Return the module's text after what fits of this patch.
        """
        ordered = sorted(self.changes, key=lambda change: (change.first, change.last))
        if self.refuse_overlaps(ordered):
            return self.text
        lines = list(self.locator.lines)
        # From the end, so that earlier line numbers stay true; several additions at one
        # place go in one after the other, in the order of the patch file.
        for change in reversed(ordered):
            lines[change.first - 1 : change.last] = [change.text]
        text = "".join(lines)
        try:
            compile(text, self.module, "exec", dont_inherit=True)
        except SyntaxError as error:
            # Half of a patch need not compile, and that says nothing about it.
            if self.findings:
                return self.text
            self.findings.append(
                Finding(
                    f"{where}: {self.module} does not compile after this patch",
                    wanted="valid Python",
                    got=f"line {error.lineno}: {error.msg}",
                )
            )
            return self.text
        return text

    def refuse_overlaps(self, ordered: Sequence[_Change]) -> bool:
        before = len(self.findings)
        widest: _Change | None = None
        for change in ordered:
            if widest is not None and change.first <= widest.last:
                self.findings.append(
                    finding(
                        change.entry,
                        "two entries of one patch change the same lines",
                        "entries that do not overlap",
                        f"{widest.entry.where} changes "
                        f"{self.module}:{widest.first}-{widest.last} too",
                    )
                )
            if widest is None or change.last > widest.last:
                widest = change
        return len(self.findings) > before


def _change(node: ast.stmt, text: str, entry: Entry) -> _Change:
    assert node.end_lineno is not None
    return _Change(start_line(node), node.end_lineno, text, entry)


def _documentation(
    theirs: ast.FunctionDef | ast.AsyncFunctionDef, private: str, entry: Entry
) -> str:
    """
    Return the line that gives a public function of ours the documentation of the one it wraps.

    Nothing if ours has its own, or theirs has none.
    """
    ours = ast.parse(textwrap.dedent(entry.text)).body[-1]
    assert isinstance(ours, (ast.FunctionDef, ast.AsyncFunctionDef))
    if ours.name.startswith("_") or ast.get_docstring(ours) or not ast.get_docstring(theirs):
        return ""
    return f"{' ' * theirs.col_offset}{ours.name}.__doc__ = {private}.__doc__\n"


def _touched(entry: Entry) -> list[str]:
    """
    Return the dotted names that are not what they should be if an entry fails.
    """
    names = [] if entry.told.operation == ADDS else [entry.target]
    if entry.told.operation == WRAPS:
        names.append(".".join((*entry.scope, entry.told.argument)))
    if entry.told.operation == ADDS:
        names.append(".".join((*entry.scope, entry.name)))
    return names


def _gap(entry: Entry) -> str:
    return "\n" if entry.scope else "\n\n"


def _grouped(entries: Sequence[Entry]) -> list[list[Entry]]:
    """
    Put the entries together of which exactly one must fit.

    Statements are told apart by `or` alone: two entries for one long
    definition usually mean two statements of it, and both have to fit.
    """
    groups: dict[tuple[object, ...], list[Entry]] = {}
    key: tuple[object, ...] = ()
    for number, entry in enumerate(entries):
        if entry.told.operation in (REPLACES, WRAPS):
            key = (REPLACES, entry.target)
        elif not (entry.told.alternative and key[:1] == (STATEMENT,) and key[1] == entry.target):
            key = (entry.told.operation, entry.target, number)
        groups.setdefault(key, []).append(entry)
    return list(groups.values())


def _is_definition(entry: Entry) -> bool:
    rows = (row.lstrip() for row in entry.text.splitlines())
    code = next(row for row in rows if row and not row.startswith("#"))
    return code.startswith(("def ", "class ", "async def ", "@"))
