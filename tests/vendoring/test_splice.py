"""
An entry changes exactly what it names, and only where it finds what it was written for.
"""

from __future__ import annotations

import textwrap

import pytest
from checkout import Checkout

from vendoring.entries import parse_entries
from vendoring.errors import SpliceError
from vendoring.guards import ast_guard, text_guard
from vendoring.series import Patch
from vendoring.splice import splice

MODULE = '''\
"""Sample."""
import os, sys
import threading


LIMIT = 5
one = 1; two = 2
try:
    import queue
except ImportError:
    queue = None


class Base:
    @property
    def name(self):
        return "base"

    def close(self):
        # Comment of theirs.
        if self.open:
            self.stop()
        else:
            self.stop()
        self.sock.close()

    def close_all(self):
        self.close()

    def twice(self):
        pass

    def twice(self):
        pass


class Other(Base):
    def close(self):
        super().close()

    def run(self):
        try:
            if self.open:
                self.stop()
            elif self.closed:
                self.stop()
            a = 1; b = 2
        except Exception: pass
        return a, b


def start():
    return Base()
'''

CLOSE = """\
    def close(self):
        # Comment of theirs.
        if self.open:
            self.stop()
        else:
            self.stop()
        self.sock.close()
"""


def patch(name: str, text: str, module: str = "sample.py") -> Patch:
    """
    Return a patch of one module, given with any indentation.
    """
    data = textwrap.dedent(text).encode()
    entries = parse_entries(data, f"patches/{name}/{module}")
    return Patch(name, {"Description": "sample"}, {module: entries}, "0" * 64)


def spliced(*texts: str) -> str:
    """
    Return the sample module after one patch per text.
    """
    series = [patch(f"000{number}-x", text) for number, text in enumerate(texts, 1)]
    return splice({"sample.py": MODULE}, series, "9.9")["sample.py"]


def refusal(*texts: str) -> str:
    """
    Apply one patch per text, which must be refused, and return what is said.
    """
    with pytest.raises(SpliceError) as caught:
        spliced(*texts)
    return str(caught.value)


def test_replaces_puts_ours_in_place_of_method_with_decorators() -> None:
    """
    A replaced definition goes with its decorators; nothing else changes by a byte.
    """
    theirs = '    @property\n    def name(self):\n        return "base"\n'
    ours = "    # Why.\n    def name(self):\n        return 1\n        # End.\n"
    result = spliced(f"class Base:\n    # replaces: {text_guard(theirs)}\n{ours}")
    assert result == MODULE.replace(theirs, ours)


def test_replaces_takes_class_and_assignment() -> None:
    """
    A class, and an assignment to one name, are definitions like a def.
    """
    limit = text_guard("LIMIT = 5")
    whole = MODULE[MODULE.index("class Other") : MODULE.index("\n\ndef start")]
    result = spliced(
        f"""
        # replaces: {limit}
        LIMIT = 6


        # replaces: {text_guard(whole)}
        class Other:
            pass
        """
    )
    assert "LIMIT = 6\none = 1; two = 2\n" in result
    assert "class Other:\n    pass\n\n\ndef start():" in result


def test_wraps_keeps_theirs_under_private_name_beside_ours() -> None:
    """
    A wrapped definition keeps its place, its text and its decorators under another name.
    """
    theirs = '    @property\n    def name(self):\n        return "base"\n'
    ours = "    def name(self):\n        return self.__upstream_name\n"
    result = spliced(f"class Base:\n    # wraps: {text_guard(theirs)} as __upstream_name\n{ours}")
    assert result == MODULE.replace(
        theirs, theirs.replace("def name", "def __upstream_name") + "\n" + ours
    )


def test_replaces_statement_reindents_ours_to_depth_of_theirs() -> None:
    """
    The statement may stand at any depth; an `elif` or a shared line is not one.
    """
    theirs = "                self.stop()\n"
    result = spliced(
        f"""
        class Other:
            # replaces statement: {text_guard(theirs)} 1 of 2
            def run(self):
                if True:
                    # Ours.
                    pass

                self.halt()
        """
    )
    assert (
        "            if self.open:\n"
        "                if True:\n"
        "                    # Ours.\n"
        "                    pass\n"
        "\n"
        "                self.halt()\n"
        "            elif self.closed:\n"
        "                self.stop()\n"
    ) in result


def test_replaces_statement_takes_each_of_several() -> None:
    """
    Statements that read the same can be replaced all at once, if their number is right.
    """
    result = spliced(
        f"""
        class Base:
            # replaces statement: {text_guard("self.stop()")} each of 2
            def close(self):
                self.halt()
        """
    )
    assert result == MODULE.replace(CLOSE, CLOSE.replace("stop", "halt"))


def test_adds_after_definition_import_and_assignment() -> None:
    """
    What is added stands directly after the named statement, in the order of the file.
    """
    result = spliced(
        """
        # adds after: threading
        import select

        # adds after: threading
        import time

        # adds after: LIMIT
        def limit():
            return LIMIT

        class Base:
            # adds after: close
            def reopen(self):
                pass

            # adds after: close_all
            reopen_all = close_all

        # adds after: start
        class Late:
            pass
        """
    )
    assert "import threading\nimport select\nimport time\n\n\nLIMIT = 5\n" in result
    assert "LIMIT = 5\n\n\ndef limit():\n    return LIMIT\n\n\none = 1; two = 2\n" in result
    assert "sock.close()\n\n    def reopen(self):\n        pass\n\n    def close_all" in result
    assert "        self.close()\n\n    reopen_all = close_all\n\n    def twice" in result
    assert result.endswith("    return Base()\n\n\nclass Late:\n    pass\n")


def test_second_patch_sees_what_first_left() -> None:
    """
    Two purposes may touch one definition, in the order of the series.
    """
    ours = "    def close(self):\n        self.__upstream_close()\n"
    result = spliced(
        f"class Base:\n    # wraps: {text_guard(CLOSE)} as __upstream_close\n{ours}",
        f"class Base:\n    # wraps: {text_guard(ours)} as __first_close\n{ours}",
    )
    assert result.count("def close(self):") == 2  # Other.close is untouched.
    assert result.index("__upstream_close") < result.index("__first_close")


def test_guard_chooses_entry_when_lines_differ() -> None:
    """
    Of several entries for one definition the one whose guard fits is applied.
    """
    start = text_guard("def start():\n    return Base()\n")
    result = spliced(
        f"""
        # replaces: {"0" * 16}
        def start():
            return 1

        # wraps: {"1" * 16} {start} as _start
        def start():
            return 2
        """
    )
    assert result.endswith("def _start():\n    return Base()\n\n\ndef start():\n    return 2\n")


def test_or_serves_another_line_for_one_statement() -> None:
    """
    Statement entries exclude each other only where `or` says so.
    """
    entry = "class Other:\n    # {} {}\n    def close(self):\n        pass\n"
    present, absent = text_guard("super().close()"), "0" * 16
    first = entry.format("replaces statement:", absent)
    second = entry.format("or replaces statement:", present)[len("class Other:\n") :]
    assert "    def close(self):\n        pass\n" in spliced(first + second)
    both = entry.format("replaces statement:", present)[len("class Other:\n") :]
    assert "no such statement" in refusal(first + both)


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
    assert said.count("`python -m vendoring guards sample.Base.close` lists") == 1
    assert said.count("an earlier entry for this definition failed") == 1


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
    assert "  hint: `python -m vendoring guards transport.Transport.close` lists" in said


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


def test_stage_applies_every_operation_to_upstream(checkout: Checkout) -> None:
    """
    All four operations work on the real modules, and the notice carries the patch's date.
    """
    done = checkout.run("guards", "transport.Transport.stop_thread")
    rows = [row.split() for row in done.stdout.splitlines()]
    checkout.patch(
        "0001-sample",
        transport=f"""\
# adds after: threading
import queue

class Transport:
    # wraps: {rows[0][1]} as __upstream_stop
    def stop_thread(self):
        self.__upstream_stop()
        return queue
""",
    )
    checkout.patch(
        "0002-sample",
        proxy_users="",
    )
    folder = checkout.root / "patches" / "0002-sample"
    (folder / "proxy_users.py").unlink()
    (folder / "packet.py").write_text(
        "class Packetizer:\n    # adds after: set_log\n    def sample(self):\n        pass\n",
        encoding="utf-8",
    )
    package = checkout.stage()
    text = (package / "transport.py").read_text(encoding="utf-8")
    assert text.startswith("# Changed 2026-01-31 by paramiko-patched: 0001-sample\n")
    assert "import threading\nimport queue\n" in text
    assert "def __upstream_stop(self):" in text
    assert "    def sample(self):" in (package / "packet.py").read_text(encoding="utf-8")
