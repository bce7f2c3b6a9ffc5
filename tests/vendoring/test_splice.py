"""
An entry changes exactly what it names.
"""

from __future__ import annotations

from checkout import Checkout
from sample_module import CLOSE, MODULE, refusal, spliced

from vendoring.guards import text_guard


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


def test_wrapped_function_keeps_its_documentation_unless_ours_has_some() -> None:
    """
    The line that says so binds no name, so that later patches find theirs.
    """
    theirs = 'def start():\n    """\n    Say.\n    """\n'
    ours = "def start():\n    return _start()\n"
    own = 'def start():\n    """\n    Say more.\n    """\n    return _start()\n'
    documented = f"# replaces: {text_guard(MODULE[MODULE.index('def start') :])}\n{theirs}"
    wraps = f"# wraps: {text_guard(theirs)} as _start\n"
    later = "# adds after: start\nstarted = start\n"
    result = spliced(documented, wraps + ours, later)
    assert f"{ours}\n\nstarted = start\n" in result
    assert result.endswith("\nstart.__doc__ = _start.__doc__\n")
    assert "__doc__" not in spliced(documented, wraps + own)


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
    (folder / "hostkeys.py").write_text(
        "class HostKeys:\n    # adds after: lookup\n    def sample(self):\n        pass\n",
        encoding="utf-8",
    )
    package = checkout.stage()
    text = (package / "transport.py").read_text(encoding="utf-8")
    assert text.startswith("# Changed 2026-01-31 by paramiko-patched: 0001-sample\n")
    assert "import threading\nimport queue\n" in text
    assert "def __upstream_stop(self):" in text
    assert "    def sample(self):" in (package / "hostkeys.py").read_text(encoding="utf-8")
