"""
The package gets its import name everywhere, and strings keep upstream's.
"""

from __future__ import annotations

import re

import pytest
from checkout import Checkout

from vendoring.errors import StageError
from vendoring.pins import KINDS, Edit, Line
from vendoring.rename import count, rename


def line_of(counts: dict[str, int]) -> Line:
    """
    Return a line that only has counts.
    """
    from vendoring.pins import Artefact

    none = Artefact("", 0, "")
    return Line("9.9", "", none, none, "", "", (), {}, counts, (), "")


@pytest.mark.parametrize(
    ("name", "pinned"),
    [
        ("name-tokens", 180),
        ("module-names", 1),
        ("strings", 12),
        ("version-lookup", 1),
        ("version-number", 1),
        ("client-identification", 1),
    ],
)
def test_stage_refuses_when_count_differs(checkout: Checkout, name: str, pinned: int) -> None:
    """
    One place more or fewer than was counted when pinning stops the build.
    """
    checkout.edit_line(f"\n{name} = {pinned}\n", f"\n{name} = {pinned + 1}\n")
    said = checkout.refusal()
    assert said.startswith(f"the count `{name}` of paramiko 5.1.0 differs\n")
    assert f"  wanted: {pinned + 1}\n  got: {pinned}\n  hint: read where upstream" in said


def test_stage_reports_all_counts_when_several_differ(checkout: Checkout) -> None:
    """
    Counts that are missing, unknown or different are all named at once.
    """
    checkout.edit_line("strings = 12", "strings = 11\nunheard-of = 1")
    checkout.edit_line("\nlogger-name = 1", "")
    said = checkout.refusal()
    assert "the count `strings` of paramiko 5.1.0 differs\n  wanted: 11\n  got: 12\n" in said
    assert "the count `logger-name` of" in said
    assert "  wanted: a count in upstream.toml\n  got: 1\n" in said
    assert "the count `unheard-of` of" in said
    assert "  got: nothing counts that\n" in said


def test_stage_refuses_when_patch_takes_place_of_edit(checkout: Checkout) -> None:
    """
    An edit that no longer finds its place after the series is not skipped.
    """
    rows = checkout.run("guards", "__init__").stdout.splitlines()
    guard = next(row for row in rows if "__version__" in row).split()[1]
    checkout.patch("0001-sample", __init__=f'# replaces: {guard}\n__version__ = "1"\n')
    said = checkout.refusal()
    assert said.startswith("the edit `version-lookup` does not find its place in __init__.py\n")
    assert '  wanted: 1 times metadata.version("paramiko")\n  got: 0\n' in said


def test_stage_leaves_no_import_of_upstream_in_namespaced_package(checkout: Checkout) -> None:
    """
    No module of the renamed package imports, or takes its version from, stock paramiko.
    """
    package = checkout.stage()
    importing = re.compile(r"^\s*(from|import) paramiko\b(?!_)", re.MULTILINE)
    for path in package.rglob("*.py"):
        assert not importing.search(path.read_text(encoding="utf-8")), path.name
    init = (package / "__init__.py").read_text(encoding="utf-8")
    assert '__version__ = metadata.version("paramiko-patched")' in init


@pytest.mark.parametrize("kind", ["namespaced", "dropin"])
def test_stage_keeps_upstreams_banner_and_logger_names(checkout: Checkout, kind: str) -> None:
    """
    Servers see upstream's version, and logging configurations keep working.
    """
    package = checkout.stage("--kind", kind)
    transport = (package / "transport.py").read_text(encoding="utf-8")
    banner = {
        "namespaced": '"paramiko_5.1.0"',
        "dropin": '"paramiko_{}".format(paramiko.__version__)',
    }
    assert f"_CLIENT_ID = {banner[kind]}\n" in transport
    assert 'self.log_name = "paramiko.transport"' in transport
    strategy = (package / "auth_strategy.py").read_text(encoding="utf-8")
    logger = '"paramiko.auth_strategy"' if kind == "namespaced" else "__name__"
    assert f"self.log = get_logger({logger})" in strategy


def test_rename_touches_names_and_nothing_else() -> None:
    """
    Comments, strings, attributes and longer names keep upstream's spelling.
    """
    text = (
        "import paramiko, paramiko.util as util  # paramiko\n"
        "from paramiko import paramiko_name\n"
        "from .paramiko import x\n"
        'a = "paramiko", x.paramiko, paramiko.y(paramiko)\n'
    )
    files = {"a.py": text}
    result = rename(files, KINDS["namespaced"], (), line_of({}))["a.py"]
    assert result == (
        "import paramiko_patched, paramiko_patched.util as util  # paramiko\n"
        "from paramiko_patched import paramiko_name\n"
        "from .paramiko import x\n"
        'a = "paramiko", x.paramiko, paramiko_patched.y(paramiko_patched)\n'
    )
    assert rename(files, KINDS["dropin"], (), line_of({})) == files
    assert count(files, ())["name-tokens"] == 5


def test_rename_applies_edit_for_its_kinds_only() -> None:
    """
    An edit says for which kinds it is, and may name upstream's version.
    """
    edit = Edit("banner", "a.py", "a = 1", 'a = "@UPSTREAM_VERSION@"', ("dropin",))
    files, line = {"a.py": "a = 1\n"}, line_of({"banner": 1})
    assert rename(files, KINDS["dropin"], (edit,), line) == {"a.py": 'a = "9.9"\n'}
    assert rename(files, KINDS["namespaced"], (edit,), line) == files


def test_rename_makes_no_module_that_the_line_is_without() -> None:
    """
    An edit of a module that came later finds nothing in an old line, and leaves nothing there.
    """
    edit = Edit("logger", "later.py", "a = 1", "a = 2", ("namespaced",))
    files, line = {"a.py": "a = 1\n"}, line_of({"logger": 0})
    assert rename(files, KINDS["namespaced"], (edit,), line) == files


def test_rename_refuses_name_inside_f_string() -> None:
    """
    A place that is a token on one Python and text on another is refused on both.
    """
    files = {"a.py": 'import paramiko\nv = f"{paramiko.__version__}"\n'}
    with pytest.raises(StageError) as caught:
        rename(files, KINDS["namespaced"], (), line_of({}))
    assert "a.py: the package's name is used inside an f-string\n" in str(caught.value)
    assert "  got: line 2" in str(caught.value)


def test_count_sees_strings_but_not_documentation() -> None:
    """
    A string that is only documentation may say paramiko as often as it likes.
    """
    files = {"a.py": '"""paramiko."""\nx = "paramiko.x", b"paramiko", f"paramiko{1}"\n__name__\n'}
    assert count(files, ()) == {"name-tokens": 0, "module-names": 1, "strings": 3}


def test_stage_adds_no_module_for_an_edit_that_is_for_another_release(checkout: Checkout) -> None:
    """
    A release without the module an edit is for does not get an empty one.
    """
    package = checkout.stage("--upstream", "2.12.0")
    assert not (package / "auth_strategy.py").exists()
