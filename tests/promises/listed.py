"""
The list of promises, and what is wrong with it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vendoring.toml import parse_toml

HEADING = "\n## What is different\n"
SCOPES = {
    "proxied": "For connections through a proxy command:\n",
    "all": "For all connections:\n",
}


@dataclass(frozen=True)
class Promise:
    """
    One fact that users may rely on, and the tests that would tell if it were none.

    :param str id: short and stable
    :param str says: the fact, in words of our own
    :param str scope: the connections it holds for: "proxied" or "all"
    :param str readme: the words of the README that promise it, or
    :param str design: the paragraph of the design that does
    :param list tests: ``path::name``, without parameters
    """

    id: str
    says: str
    scope: str
    readme: str = ""
    design: str = ""
    tests: list[str] = field(default_factory=list)


def read_promises(path: Path) -> list[Promise]:
    """
    Return the promises that a file lists.
    """
    return [Promise(**entry) for entry in parse_toml(path.read_text(encoding="utf-8"))["promise"]]


def problems(
    promises: list[Promise], readme: str, ring: Collection[str], root: Path
) -> Iterator[str]:
    """
    Yield what is wrong with a list, a line each.

    :param str readme: text of the README, each word of whose promises must be listed
    :param ring: the tests of the first ring
    """
    ids = [promise.id for promise in promises]
    for promise in promises:
        if ids.count(promise.id) > 1:
            yield f"{promise.id}: the id is used twice"
        if promise.scope not in SCOPES or bool(promise.readme) == bool(promise.design):
            yield f"{promise.id}: needs a scope, and either `readme` or `design`"
        if not promise.tests:
            yield f"{promise.id}: no test"
        for test in promise.tests:
            if not exists(test, root):
                yield f"{promise.id}: {test} is gone"
            elif test not in ring:
                yield f"{promise.id}: {test} is not in the first ring"
    for scope in SCOPES:
        quotes = {p.readme: p.id for p in promises if p.scope == scope and p.readme}
        promised = bullets(readme, scope)
        for quote, id in quotes.items():
            if not any(quote in bullet for bullet in promised):
                yield f"{id}: README.md does not say (any more): {quote}"
        for bullet in promised:
            left = without(bullet, quotes)
            if re.search(r"\w", left):
                yield f"README.md promises what is not listed: {left}"


def exists(test: str, root: Path) -> bool:
    """
    Tell whether there is such a test, in whatever ring.
    """
    path, _, name = test.partition("::")
    if not (root / path).is_file():
        return False
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree))


def bullets(readme: str, scope: str) -> list[str]:
    """
    Return what the README promises for some connections: its bullets, each on one line.
    """
    section = readme.split(HEADING)[1].split("\n#")[0]
    # Up to the first paragraph that is not part of a list.
    listed = re.split(r"\n\n(?![ -])", section.split(SCOPES[scope])[1])[0]
    return [" ".join(bullet.split()) for bullet in listed.split("\n- ")[1:]]


def without(text: str, quotes: Collection[str]) -> str:
    """
    Return a text with an ellipsis in place of what is quoted; quotes may overlap.
    """
    quoted = {
        at
        for quote in quotes
        for found in re.finditer(re.escape(quote), text)
        for at in range(*found.span())
    }
    left = "".join("\0" if at in quoted else letter for at, letter in enumerate(text))
    return re.sub("\0+", " ... ", left).strip()
