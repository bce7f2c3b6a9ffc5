"""
Parse one file of a patch into its entries.

An entry is a definition under a comment that says what it does to upstream::

    class Transport:
        # wraps: 0123456789abcdef as __upstream_close
        def close(self): ...

Classes without such a comment only mirror upstream's nesting. Anything else
in the file is refused. Called by `series`; knows nothing of upstream.
"""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from dataclasses import dataclass

from vendoring.comments import (
    ADDS,
    FORMS,
    REPLACES,
    STATEMENT,
    WRAPS,
    Told,
    is_operation,
    read_comment,
)
from vendoring.errors import Finding, SeriesError
from vendoring.guards import source_lines, start_line
from vendoring.scopes import Definition, bound_names

__all__ = ["Entry", "parse_entries"]

# The oldest Python every line has to run on.
OLDEST_PYTHON = (3, 9)


@dataclass(frozen=True)
class Entry:
    """
    One change to one definition of one upstream module.

    :param str where: file and line, for messages
    :param scope: names of the enclosing classes, outermost first
    :param str name: what the entry's own text defines
    :param Told told: what its comment says
    :param str text: whole source lines, indented as in the patch
    :param str body: for a replaced statement, the new ones, not indented
    """

    where: str
    scope: tuple[str, ...]
    name: str
    told: Told
    text: str
    body: str

    @property
    def target(self) -> str:
        """
        The dotted name of the definition it acts on, or adds after.
        """
        last = self.told.argument if self.told.operation == ADDS else self.name
        return ".".join((*self.scope, last))


def parse_entries(data: bytes, where: str) -> tuple[Entry, ...]:
    """
    Return the entries of one patch file in source order.

    :param str where: the file's path, for messages
    :raises SeriesError: with every part of the file that is not understood
    """
    try:
        text = data.decode("utf-8")
        tree = ast.parse(text, filename=where, feature_version=OLDEST_PYTHON)
    except (UnicodeDecodeError, SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SeriesError(
            Finding(
                f"{where}:{line} does not parse",
                wanted="Python {}.{} in UTF-8".format(*OLDEST_PYTHON),
                got=getattr(error, "msg", None) or str(error),
            )
        ) from error
    parser = _Parser(text, where)
    parser.scope(tree.body, ())
    parser.refuse_strays()
    if parser.findings:
        raise SeriesError(*parser.findings)
    return tuple(parser.entries)


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self.lines = source_lines(text)
        self.where = where
        self.entries: list[Entry] = []
        self.findings: list[Finding] = []
        self.claimed: set[int] = set()

    def scope(self, body: list[ast.stmt], names: tuple[str, ...]) -> None:
        for node in body:
            comment = self.comment_above(node)
            at = self.at(start_line(node))
            if comment is None and isinstance(node, ast.ClassDef):
                self.mirror(node, names)
            elif comment is None:
                kind = bound_names(node) or [type(node).__name__]
                self.complain(
                    f"{at} has no entry comment directly above it", FORMS, ", ".join(kind)
                )
            else:
                self.entry(node, names, comment, at)

    def mirror(self, node: ast.ClassDef, names: tuple[str, ...]) -> None:
        if node.bases or node.keywords or node.decorator_list:
            self.complain(
                f"{self.at(node.lineno)} mirrors a class and says more than its name",
                f"class {node.name}:",
                self.lines[node.lineno - 1].strip(),
            )
        self.scope(node.body, (*names, node.name))

    def comment_above(self, node: ast.stmt) -> list[int] | None:
        """
        Return the line numbers of the comment block that holds an operation.
        """
        first = start_line(node)
        block: list[int] = []
        for number in range(first - 1, 0, -1):
            line = self.lines[number - 1].strip()
            if not line.startswith("#"):
                break
            block.insert(0, number)
        if not any(is_operation(self.lines[number - 1]) for number in block):
            return None
        return block

    def entry(self, node: ast.stmt, scope: tuple[str, ...], comment: list[int], at: str) -> None:
        rows = [self.lines[number - 1] for number in comment]
        first = rows[0].strip()
        end = self.end_of(node)
        self.claimed.update(range(comment[0], end + 1))
        if not is_operation(first):
            self.complain(f"{at}: the operation is not the first line of its comment", FORMS, first)
            return
        told, used = read_comment(rows)
        # Our own comments between the entry comment and the definition go with it.
        carried = rows[used:]
        names = bound_names(node)
        if any(is_operation(row) for row in carried):
            self.complain(f"{at} has two entry comments", "one operation per definition", first)
        elif told is None:
            text = " ".join(row.strip() for row in rows[:used])
            self.complain(f"{at} has a malformed entry comment", FORMS, text)
        elif told.alternative and not self.follows_sibling((*scope, *names[:1])):
            self.complain(
                f"{at}: `or` has nothing to be the alternative of",
                f"a `{STATEMENT}` for the same definition directly before it",
                first,
            )
        elif self.fits(told.operation, node, names, at):
            body = ""
            if told.operation == STATEMENT:
                body = self.body_of(node, end, at)
                if carried:
                    self.complain(
                        f"{at}: a comment would be lost with the def it stands above",
                        "the comment among the replacing statements",
                        carried[0].strip(),
                    )
            text = "".join(carried + self.lines[start_line(node) - 1 : end])
            where = self.at(comment[0])
            self.entries.append(Entry(where, scope, names[0], told, text, body))

    def follows_sibling(self, path: tuple[str, ...]) -> bool:
        last = self.entries[-1] if self.entries else None
        return (
            last is not None
            and last.told.operation == STATEMENT
            and (*last.scope, last.name) == path
        )

    def fits(self, operation: str, node: ast.stmt, names: list[str], at: str) -> bool:
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        if operation in (WRAPS, STATEMENT):
            wanted, good = "a def", isinstance(node, functions)
        elif operation == REPLACES:
            wanted = "a def, a class or an assignment to one name"
            good = len(names) == 1 and not isinstance(node, (ast.Import, ast.ImportFrom))
        else:
            wanted, good = "a def, class, import or assignment", bool(names)
        if good and operation == STATEMENT and getattr(node, "decorator_list", []):
            wanted, good = "a def without decorators, whose body is the replacement", False
        if not good:
            got = type(node).__name__
            self.complain(f"{at}: `{operation}` cannot be said of this", wanted, got)
        return good

    def end_of(self, node: ast.stmt) -> int:
        """
        Return the last line of a definition, with the comments that end it.
        """
        assert node.end_lineno is not None
        end = node.end_lineno
        if isinstance(node, Definition):
            for number in range(end + 1, len(self.lines) + 1):
                line = self.lines[number - 1]
                if not line.strip():
                    continue
                indent = len(line) - len(line.lstrip())
                if not line.lstrip().startswith("#") or indent <= node.col_offset:
                    break
                end = number
        return end

    def body_of(self, node: ast.stmt, end: int, at: str) -> str:
        source = "".join(self.lines[node.lineno - 1 : end])
        tokens = list(tokenize.generate_tokens(io.StringIO(textwrap.dedent(source)).readline))
        signature = next(token for token in tokens if token.type == tokenize.NEWLINE)
        body = "".join(self.lines[node.lineno - 1 + signature.end[0] : end])
        if not body.strip():
            self.complain(
                f"{at}: the replacement stands on the line of its def",
                "statements on lines of their own",
                self.lines[node.lineno - 1].strip(),
            )
        if long := _multi_line_string(tokens):
            # Re-indenting would change what such a string says.
            self.complain(
                f"{self.at(node.lineno + long - 1)}: a string spans lines in a replaced statement",
                "strings that end on their own line",
                self.lines[node.lineno + long - 2].strip(),
            )
        return textwrap.dedent(body)

    def refuse_strays(self) -> None:
        for number, line in enumerate(self.lines, 1):
            if number not in self.claimed and is_operation(line):
                self.complain(
                    f"{self.at(number)}: an entry comment with nothing directly below it",
                    "a definition on the next line",
                    line.strip(),
                )

    def at(self, line: int) -> str:
        return f"{self.where}:{line}"

    def complain(self, what: str, wanted: str, got: str) -> None:
        self.findings.append(Finding(what, wanted=wanted, got=got))


def _multi_line_string(tokens: list[tokenize.TokenInfo]) -> int | None:
    opened: list[int] = []
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        # From 3.12 on an f-string is several tokens; before, it is a STRING.
        if kind == "FSTRING_START":
            opened.append(token.start[0])
        started = opened.pop() if kind == "FSTRING_END" else token.start[0]
        if kind in ("STRING", "FSTRING_END") and started != token.end[0]:
            return started
    return None
