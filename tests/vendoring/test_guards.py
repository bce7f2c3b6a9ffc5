"""
A guard is the same on every machine, and tells layout from code where it is asked to.
"""

from __future__ import annotations

import pytest

from vendoring.guards import ast_guard, text_guard


def test_text_guard_ignores_indentation_and_last_line_end_alone() -> None:
    """
    The same text at another depth has the same guard; a changed space has another.
    """
    text = "def f():\n    return 1\n"
    assert text_guard(text) == text_guard("    def f():\n        return 1")
    assert text_guard(text) != text_guard("def f():\n    return  1\n")
    assert text_guard("pass") == "d74ff0ee8da3b980"


def test_ast_guard_ignores_layout_and_sees_code() -> None:
    """
    The canonical dump is blind to comments and line breaks, and to nothing else.
    """
    assert ast_guard("f(a, b)") == ast_guard("f(\n    a,  # first\n    b,\n)")
    assert ast_guard("f(a, b)") != ast_guard("f(b, a)")
    assert ast_guard("a = 0") != ast_guard("a = False")
    assert ast_guard("a = None") != ast_guard("a = ''")


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("def f(a, *, b=None) -> str:\n    return f'{a!r:>{b}}' 'x'\n", "ast:22b84a9e6e029113"),
        ("class A(B, metaclass=C):\n    x: int = 1\n", "ast:9c277d448f2cf26d"),
    ],
)
def test_ast_guard_is_the_same_on_every_python(text: str, guard: str) -> None:
    """
    The hash is pinned here, and every supported interpreter runs this test.
    """
    assert ast_guard(text) == guard
