"""
An entry is applied only where it finds what it was written for.
"""

from __future__ import annotations

import pytest
from checkout import Checkout
from sample_module import CLOSE, refusal

from vendoring.guards import ast_guard, text_guard


@pytest.mark.parametrize(
    ("text", "what", "got"),
    [
        pytest.param(
            f"class Base:\n    # replaces: {'0' * 16}\n    def close(self):\n        pass\n",
            "Base.close of paramiko 9.9, sample.py:19, is not the text this was written for",
            text_guard(CLOSE),
            id="unknown-guard",
        ),
        pytest.param(
            f"class Base:\n    # replaces: {'0' * 16}\n    def open(self):\n        pass\n",
            "sample.py of paramiko 9.9 has no single Base.open",
            "nothing of that name",
            id="definition-missing",
        ),
        pytest.param(
            f"class None_:\n    # replaces: {'0' * 16}\n    def open(self):\n        pass\n",
            "sample.py of paramiko 9.9 has no single None_",
            "nothing of that name",
            id="class-missing",
        ),
        pytest.param(
            f"class start:\n    # replaces: {'0' * 16}\n    def open(self):\n        pass\n",
            "start of sample.py is not a class",
            "FunctionDef",
            id="not-a-class",
        ),
        pytest.param(
            f"class Base:\n    # replaces: {'0' * 16}\n    def twice(self):\n        pass\n",
            "sample.py of paramiko 9.9 has no single Base.twice",
            "2 of that name, at lines 30, 33",
            id="definition-twice",
        ),
        pytest.param(
            "# adds after: queue\nimport time\n",
            "sample.py of paramiko 9.9 has no single queue",
            "2 of that name, at lines 9, 11",
            id="anchor-twice",
        ),
        pytest.param(
            f"# replaces: {'0' * 16}\none = 2\n",
            "one of sample.py shares a line with another statement",
            "line 7: one = 1; two = 2",
            id="first-of-line",
        ),
        pytest.param(
            "# adds after: two\nthree = 3\n",
            "two of sample.py shares a line with another statement",
            "line 7: one = 1; two = 2",
            id="last-of-line",
        ),
        pytest.param(
            f"# replaces: {'0' * 16}\nos = None\n",
            "os of sample.py is bound together with other names",
            "os, sys",
            id="bound-together",
        ),
        pytest.param(
            f"class Base:\n    # replaces statement: {'0' * 16}\n"
            "    def close(self):\n        pass\n",
            "Base.close of paramiko 9.9, sample.py, has no such statement",
            "none of 4",
            id="statement-missing",
        ),
        pytest.param(
            f"class Base:\n    # replaces statement: {text_guard('self.stop()')}\n"
            "    def close(self):\n        pass\n",
            "Base.close of paramiko 9.9, sample.py, has another number of such statements",
            "2, at lines 22, 24",
            id="statement-twice",
        ),
        pytest.param(
            f"class Base:\n    # wraps: {text_guard(CLOSE)} as sock\n"
            "    def close(self):\n        pass\n",
            "the private name sock is taken",
            "sample.py:25 uses it",
            id="private-name-taken",
        ),
        pytest.param(
            f"# wraps: {text_guard('LIMIT = 5')} as _LIMIT\ndef LIMIT():\n    pass\n",
            "only a function can be wrapped",
            "Assign",
            id="wrapped-assignment",
        ),
        pytest.param(
            f"class Base:\n    # replaces: {text_guard(CLOSE)}\n"
            "    def close(self):\n        pass\n\n"
            f"    # replaces statement: {text_guard('self.sock.close()')}\n"
            "    def close(self):\n        pass\n",
            "two entries of one patch change the same lines",
            "patches/0001-x/sample.py:2 changes sample.py:19-25 too",
            id="overlap",
        ),
        pytest.param(
            f"# replaces: {text_guard('LIMIT = 5')}\nLIMIT = 1\n\n"
            f"# replaces: {text_guard('LIMIT = 5')}\nLIMIT = 2\n",
            "two entries of one patch fit the same text",
            "patches/0001-x/sample.py:1 fits too",
            id="two-fit",
        ),
        pytest.param(
            f"class Other:\n    # replaces statement: {text_guard('super().close()')}\n"
            "    def close(self):\n        nonlocal self\n",
            "patches/0001-x/sample.py: sample.py does not compile after this patch",
            "line 39: ",
            id="does-not-compile",
        ),
    ],
)
def test_splice_refuses_entry_when(text: str, what: str, got: str) -> None:
    """
    An entry that does not fit is named with its place, what was wanted and what is there.
    """
    said = refusal(text)
    assert said.startswith("patches/0001-x/sample.py:")
    assert what in said
    assert "\n  wanted: " in said
    assert f"\n  got: {got}" in said


def test_splice_tells_layout_from_code_when_entry_carries_ast_guard() -> None:
    """
    With an `ast:` hash beside the guard, a moved comment is told from changed code.
    """
    entry = "class Base:\n    # replaces: {} {}\n    def close(self):\n        pass\n"
    same = ast_guard(CLOSE.replace("# Comment of theirs.", "# Another."))
    other = ast_guard(CLOSE.replace("self.sock", "self.socket"))
    assert "(only comments or layout changed: line 19, " in refusal(entry.format("0" * 16, same))
    assert "(the code changed, not only its layout)" in refusal(entry.format("0" * 16, other))


def test_splice_reports_all_mismatches_of_series_at_once() -> None:
    """
    Mismatches of several patches come together, and those that may only follow say so.
    """
    wrong = f"class Base:\n    # replaces: {'0' * 16}\n    def close(self):\n        pass\n"
    said = refusal(wrong, "# adds after: nothing\nimport time\n", wrong)
    assert said.count("wanted:") == 3
    assert said.index("0001-x") < said.index("0002-x") < said.index("0003-x")
    assert said.count("`python -m vendoring guards sample.Base.close --upstream") == 1
    assert said.count("an earlier entry for this definition failed") == 1


def test_stage_reports_mismatch_at_command_line(checkout: Checkout) -> None:
    """
    A patch that upstream outgrew stops the build and names release, place and hashes.
    """
    checkout.patch(
        "0001-sample",
        transport=f"class Transport:\n    # replaces: {'0' * 16}\n    def close(self):\n"
        "        pass\n",
    )
    said = checkout.refusal()
    assert said.startswith(
        "patches/0001-sample/transport.py:2: Transport.close of paramiko 5.1.0, transport.py:"
    )
    assert f"  wanted: {'0' * 16}\n  got: " in said
    assert (
        "  hint: `python -m vendoring guards transport.Transport.close --upstream 5.1.0 "
        "--patch 0001-sample` lists what is there\n"
    ) in said


def test_stage_names_undefined_name_when_patch_forgets_import(checkout: Checkout) -> None:
    """
    A name that the spliced module does not define is found at build time.
    """
    checkout.patch(
        "0001-sample",
        transport="class Transport:\n    # adds after: close\n    def sample(self):\n"
        "        unheard_of = [forgotten for _ in range(len(self.sock))]\n"
        "        return unheard_of\n",
    )
    said = checkout.refusal()
    assert said.startswith("transport.py: the patches use the name forgotten, which nothing")
    assert "  got: used in " in said
    assert "unheard_of" not in said
