"""
Check a spliced module for names that nothing in it defines.

A patch file is not a program of its own, so a linter cannot look at its
names; the spliced module is. Called at the end of the splice stage, and says
only what the patches brought in: upstream's own loose ends stay upstream's.
"""

from __future__ import annotations

import builtins
import symtable
from collections.abc import Mapping

from vendoring.errors import Finding, SpliceError

__all__ = ["check_names"]

_KNOWN = frozenset(dir(builtins)) | {"__file__", "__path__", "__builtins__"}


def check_names(pristine: Mapping[str, str], spliced: Mapping[str, str]) -> None:
    """
    Return if every name the patches use is defined where they use it.

    :param pristine: modules before the series, by path
    :param spliced: the same modules after it
    :raises SpliceError: with one finding per module and undefined name
    """
    findings = []
    for path, text in spliced.items():
        before = pristine.get(path, "")
        if text == before:
            continue
        for name, line in sorted(undefined(text, path).items()):
            if name not in undefined(before, path):
                findings.append(
                    Finding(
                        f"{path}: the patches use the name {name}, which nothing defines",
                        wanted="an import or a definition, e.g. with `adds after`",
                        got=f"used in {line}",
                    )
                )
    if findings:
        raise SpliceError(*findings)


def undefined(text: str, path: str) -> dict[str, str]:
    """
    Return the global names a module reads and does not bind, with a place.
    """
    top = symtable.symtable(text, path, "exec")
    bound = {
        symbol.get_name()
        for symbol in top.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    found: dict[str, str] = {}
    tables = [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_declared_global() and symbol.is_assigned():
                bound.add(name)
            loose = symbol.is_global() or (table is top and not symbol.is_assigned())
            if loose and symbol.is_referenced() and name not in _KNOWN:
                found.setdefault(name, f"{table.get_name()}, line {table.get_lineno()}")
    return {name: place for name, place in found.items() if name not in bound}
