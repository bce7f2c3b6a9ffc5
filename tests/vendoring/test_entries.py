"""
What stands in a patch's file is understood in full or refused.
"""

from __future__ import annotations

import textwrap

import pytest
from checkout import Checkout

from vendoring.comments import FORMS
from vendoring.entries import Entry, parse_entries
from vendoring.errors import SeriesError

GUARD = "0123456789abcdef"


def parse(text: str) -> tuple[Entry, ...]:
    """
    Parse a patch's file, given with any indentation.
    """
    return parse_entries(textwrap.dedent(text).encode(), "patches/0001-x/transport.py")


def refusal(text: str) -> str:
    """
    Parse a patch's file, which must be refused, and return what is said.
    """
    with pytest.raises(SeriesError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "comment",
    [
        "# replaces:",
        "# replaces: 0123",
        "# replaces: 0123456789ABCDEF",
        "# replaces: ast:0123456789abcdef",
        f"# replaces: {GUARD} as __x",
        f"# replaces: {GUARD} 1 of 2",
        f"# or replaces: {GUARD}",
        f"# wraps: {GUARD}",
        f"# wraps: {GUARD} as",
        f"# wraps: {GUARD} as 1x",
        "# wraps: as __x",
        f"# replaces statement: {GUARD} 0 of 2",
        f"# replaces statement: {GUARD} 3 of 2",
        f"# replaces statement: {GUARD} some of 2",
        "# adds after:",
        "# adds after: one two",
        "# adds after: a.b",
    ],
)
def test_parse_refuses_entry_comment_when_it_is_malformed(comment: str) -> None:
    """
    A comment that begins like an entry's and does not go on like one is refused.
    """
    said = refusal(f"{comment}\ndef close(self):\n    pass\n")
    assert "patches/0001-x/transport.py:2" in said
    assert "malformed entry comment" in said
    assert f"got: {comment}" in said
    assert FORMS.splitlines()[0] in said


@pytest.mark.parametrize("comment", ["", "# replace: 0123456789abcdef\n", "# a remark\n"])
def test_parse_refuses_definition_when_it_has_no_entry_comment(comment: str) -> None:
    """
    A definition whose comment says no operation is refused, naming what it defines.
    """
    said = refusal(f"{comment}def close(self):\n    pass\n")
    assert "has no entry comment directly above it\n" in said
    assert "  got: close" in said
    assert all(form in said for form in FORMS.splitlines())


@pytest.mark.parametrize(
    ("text", "what", "got"),
    [
        pytest.param(
            f"# replaces: {GUARD}\n\ndef f():\n    pass\n",
            "an entry comment with nothing directly below it",
            f"# replaces: {GUARD}",
            id="gap-below-comment",
        ),
        pytest.param(
            f"# why\n# replaces: {GUARD}\ndef f():\n    pass\n",
            "the operation is not the first line of its comment",
            "# why",
            id="remark-above-comment",
        ),
        pytest.param(
            f"# replaces: {GUARD}\n# adds after: g\ndef f():\n    pass\n",
            "has two entry comments",
            f"# replaces: {GUARD}",
            id="two-comments",
        ),
        pytest.param(
            f"class T(Thread):\n    # replaces: {GUARD}\n    def f(self):\n        pass\n",
            "mirrors a class and says more than its name",
            "class T(Thread):",
            id="bases-on-mirrored-class",
        ),
        pytest.param('"""Text."""\n', "has no entry comment", "Expr", id="module-docstring"),
        pytest.param("if True:\n    pass\n", "has no entry comment", "If", id="condition"),
        pytest.param(
            f"# wraps: {GUARD} as _x\nclass T:\n    pass\n",
            "`wraps` cannot be said of this",
            "ClassDef",
            id="wrapped-class",
        ),
        pytest.param(
            f"# replaces: {GUARD}\nimport os\n",
            "`replaces` cannot be said of this",
            "Import",
            id="replaced-import",
        ),
        pytest.param(
            f"# replaces: {GUARD}\na, b = 1, 2\n",
            "`replaces` cannot be said of this",
            "Assign",
            id="replaced-pair",
        ),
        pytest.param(
            "# adds after: a\nprint()\n",
            "`adds after` cannot be said of this",
            "Expr",
            id="added-expression",
        ),
        pytest.param(
            f"# replaces statement: {GUARD}\n@property\ndef f(self):\n    pass\n",
            "`replaces statement` cannot be said of this",
            "FunctionDef",
            id="decorated-statement",
        ),
        pytest.param(
            f"# replaces statement: {GUARD}\ndef f(self): pass\n",
            "the replacement stands on the line of its def",
            "def f(self): pass",
            id="statement-on-def-line",
        ),
        pytest.param(
            f'# replaces statement: {GUARD}\ndef f(self):\n    a = """x\n    y"""\n',
            "a string spans lines in a replaced statement",
            'a = """x',
            id="multi-line-string",
        ),
        pytest.param(
            f"# replaces statement: {GUARD}\ndef f(self):\n    a = f'''{{b}}\n    y'''\n",
            "a string spans lines in a replaced statement",
            "a = f'''{b}",
            id="multi-line-f-string",
        ),
        pytest.param(
            f"# replaces statement: {GUARD}\n# why\ndef f(self):\n    pass\n",
            "a comment would be lost with the def it stands above",
            "# why",
            id="lost-comment",
        ),
        pytest.param(
            f"# or replaces statement: {GUARD}\ndef f(self):\n    pass\n",
            "`or` has nothing to be the alternative of",
            f"# or replaces statement: {GUARD}",
            id="or-alone",
        ),
        pytest.param("def f(:\n", "does not parse", "invalid syntax", id="syntax"),
        pytest.param(
            f"# replaces: {GUARD}\ndef f(a):\n    match a:\n        case 1:\n            pass\n",
            "does not parse",
            "Pattern matching is only supported in Python 3.10 and greater",
            id="newer-python",
        ),
    ],
)
def test_parse_refuses_file_when_it_has(text: str, what: str, got: str) -> None:
    """
    Whatever is not an entry is refused, with its place and what stands there.
    """
    said = refusal(text)
    assert said.startswith("patches/0001-x/transport.py:")
    assert what in said
    assert "  wanted: " in said
    # The parser's own words differ between Python versions.
    assert f"  got: {got}" in said or what == "does not parse"


def test_parse_reports_every_mistake_of_file_at_once() -> None:
    """
    Three mistakes of one file come as three findings.
    """
    said = refusal(
        """
        import os

        # replaces: nothing
        def f():
            pass

        # adds after: f

        def g():
            pass
        """
    )
    assert said.count("patches/0001-x/transport.py:") == 4
    assert "has no entry comment" in said
    assert "malformed entry comment" in said
    assert "nothing directly below it" in said


def test_parse_gives_scope_guards_and_text_of_each_operation() -> None:
    """
    A well-formed file gives its entries in order, with all that was said.
    """
    one, two, three, four, five = parse(
        f"""
        # A remark about the file.

        # adds after: threading
        import queue

        class Transport:
            # wraps: {GUARD} fedcba9876543210
            #   ast:0123456789abcdef as __upstream_close
            # Why it is wrapped.
            @decorated
            def close(self):
                pass
                # The end.

            class Inner:
                # replaces: {GUARD}
                limit = 1

            # replaces statement: {GUARD} each of 2
            def run(
                self,
            ):
                # First.
                if self:
                    pass

            # or replaces statement: fedcba9876543210 1 of 2
            def run(self):
                pass
        """
    )
    assert (one.told.operation, one.target, one.name) == ("adds after", "threading", "queue")
    assert two.scope == ("Transport",)
    assert two.told.guards == (GUARD, "fedcba9876543210")
    assert two.told.ast_guards == ("ast:0123456789abcdef",)
    assert two.told.argument == "__upstream_close"
    assert two.text == (
        "    # Why it is wrapped.\n"
        "    @decorated\n"
        "    def close(self):\n"
        "        pass\n"
        "        # The end.\n"
    )
    assert three.target == "Transport.Inner.limit"
    assert four.body == "# First.\nif self:\n    pass\n"
    assert four.told.occurrence == (0, 2)
    assert not four.told.alternative
    assert five.told.occurrence == (1, 2)
    assert five.told.alternative


def test_stage_refuses_malformed_entry_at_command_line(checkout: Checkout) -> None:
    """
    What the parser refuses stops the build like everything else.
    """
    checkout.patch("0001-sample", transport="# replaces: 42\ndef close(self):\n    pass\n")
    said = checkout.refusal()
    assert said.startswith("patches/0001-sample/transport.py:2 has a malformed entry comment\n")
    assert "  wanted: # replaces: <hash> [<hash> ...]\n" in said
    assert "  got: # replaces: 42\n" in said
