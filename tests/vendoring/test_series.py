"""
``patches/series`` and the headers of the patches say everything, exactly once.
"""

from __future__ import annotations

import pytest
from checkout import HEADER, Checkout

ADDITION = "# adds after: threading\nimport queue\n"


def test_stage_names_folder_when_it_is_not_in_series(checkout: Checkout) -> None:
    """
    A patch that nobody listed stops the build instead of being left out.
    """
    checkout.folder("0001-forgotten", transport=ADDITION)
    said = checkout.refusal()
    assert said.startswith("patches/0001-forgotten is not listed in patches/series\n")
    assert "  wanted: each folder listed exactly once\n  got: not listed\n  hint: " in said


def test_stage_names_patch_when_series_lists_it_and_it_is_missing(checkout: Checkout) -> None:
    """
    A listed patch without a folder stops the build.
    """
    (checkout.root / "patches" / "series").write_text("0001-gone\n", encoding="utf-8")
    said = checkout.refusal()
    assert said.startswith("patches/series lists 0001-gone, which is not there\n")
    assert "  wanted: the folder patches/0001-gone\n  got: no such folder\n" in said


def test_stage_names_patch_when_series_lists_it_twice(checkout: Checkout) -> None:
    """
    A patch listed twice is not applied twice, nor once: it is refused.
    """
    checkout.patch("0001-double", transport=ADDITION)
    checkout.edit("patches/series", "0001-double\n", "0001-double\n# again\n0001-double # here\n")
    said = checkout.refusal()
    assert said.startswith("patches/series lists 0001-double more than once\n")
    assert "  wanted: once\n  got: 2\n" in said


def test_stage_refuses_when_two_patches_have_one_number(checkout: Checkout) -> None:
    """
    A number is never used again, so that it can be referred to for ever.
    """
    checkout.patch("0001-one", transport=ADDITION)
    checkout.patch("0001-two", transport="# adds after: socket\nimport queue\n")
    assert "two patches have the number 0001\n" in checkout.refusal()


def test_stage_refuses_when_name_is_not_a_patchs(checkout: Checkout) -> None:
    """
    A folder's name gives its number and its purpose.
    """
    checkout.patch("fix_it", transport=ADDITION)
    said = checkout.refusal()
    assert said.startswith("patches/fix_it is not a patch's name\n  wanted: NNNN-purpose")


def test_stage_reports_all_of_series_at_once_when_much_is_wrong(checkout: Checkout) -> None:
    """
    Mistakes of the list, of headers and of entries come in one report.
    """
    checkout.folder("0001-unlisted", transport=ADDITION)
    checkout.patch("0002-bad-header", header="Description only\n", transport=ADDITION)
    checkout.patch("0003-bad-entry", transport="import os\n")
    said = checkout.refusal()
    assert "patches/0001-unlisted is not listed" in said
    assert "patches/0002-bad-header/HEADER:1 is not a header line\n" in said
    assert "patches/0002-bad-header/HEADER is not complete\n" in said
    assert "patches/0003-bad-entry/transport.py:1 has no entry comment" in said


@pytest.mark.parametrize(
    ("old", "new", "what", "got"),
    [
        pytest.param(
            "Drop-when: this test is deleted\n",
            "",
            "HEADER is not complete",
            "nothing for Drop-when",
            id="missing-field",
        ),
        pytest.param(
            "Origin: other, written for this test",
            "Origin:",
            "HEADER is not complete",
            "nothing for Origin",
            id="empty-field",
        ),
        pytest.param(
            "Origin:",
            "Origination:",
            "HEADER:3 has a field that is not known",
            "Origination",
            id="unknown-field",
        ),
        pytest.param(
            "Origin: other",
            "Bug: other",
            "HEADER:3 has a field that is given twice",
            "Bug",
            id="field-twice",
        ),
        pytest.param(
            "Tests: upstream.toml",
            "Tests: upstream.toml tests/none.py",
            "HEADER names a test that is not there",
            "tests/none.py",
            id="no-such-test",
        ),
        pytest.param(
            "2026-01-31",
            "31.1.2026",
            "HEADER: Last-Update is not a date",
            "31.1.2026",
            id="bad-date",
        ),
        pytest.param(
            "Bug: ", "\nBug: ", "HEADER:2 is not a header line", "an empty line", id="empty-line"
        ),
    ],
)
def test_stage_refuses_header_when_it_has(
    checkout: Checkout, old: str, new: str, what: str, got: str
) -> None:
    """
    A header is complete, and nothing in it goes unread.
    """
    assert HEADER.count(old) == 1
    checkout.patch("0001-sample", header=HEADER.replace(old, new), transport=ADDITION)
    said = checkout.refusal()
    assert f"patches/0001-sample/{what}\n" in said
    assert f"  got: {got}\n" in said
    assert "  wanted: " in said


def test_stage_refuses_patch_when_it_has_no_header(checkout: Checkout) -> None:
    """
    A patch without a header is no patch.
    """
    folder = checkout.patch("0001-sample", transport=ADDITION)
    (folder / "HEADER").unlink()
    assert "patches/0001-sample/HEADER cannot be read\n" in checkout.refusal()


def test_stage_refuses_patch_when_it_changes_nothing(checkout: Checkout) -> None:
    """
    A patch that consists of a header is left over from something.
    """
    checkout.patch("0001-sample")
    assert checkout.refusal().startswith("patches/0001-sample changes nothing\n")


def test_stage_refuses_patch_when_it_holds_something_else(checkout: Checkout) -> None:
    """
    A file that nothing reads does not lie in a patch's folder.
    """
    folder = checkout.patch("0001-sample", transport=ADDITION)
    (folder / "transport.patch").write_text("", encoding="utf-8")
    said = checkout.refusal()
    assert said.startswith("patches/0001-sample/transport.patch does not belong in a patch\n")


def test_stage_refuses_patch_when_upstream_has_no_such_module(checkout: Checkout) -> None:
    """
    A patch's file is named after an upstream module; a new module is an overlay.
    """
    checkout.patch("0001-sample", tunnel=ADDITION)
    said = checkout.refusal()
    assert "patches/0001-sample/tunnel.py: paramiko 5.1.0 has no module tunnel.py\n" in said
    assert "  hint: a new module is an overlay" in said


def test_stage_leaves_out_patch_when_it_is_for_other_lines(checkout: Checkout) -> None:
    """
    A patch whose header lists lines is applied on those alone.
    """
    toml = checkout.root / "upstream.toml"
    pinned = toml.read_text(encoding="utf-8")
    other = checkout.pinned().replace('"5.1.0"', '"4.9.9"')
    toml.write_text(f"{pinned}\n{other}", encoding="utf-8")
    for number, lines in enumerate(("4.9.9 5.1.0", "4.9.9"), 1):
        header = HEADER + f"Lines: {lines}\n"
        text = f"# adds after: threading\nmark = {number}\n"
        checkout.patch(f"000{number}-sample", header=header, transport=text)
    text = (checkout.stage() / "transport.py").read_text(encoding="utf-8")
    assert "\nmark = 1\n" in text
    assert "\nmark = 2\n" not in text


def test_stage_refuses_patch_when_its_lines_are_not_pinned(checkout: Checkout) -> None:
    """
    A slip in Lines does not leave a patch out of every line.
    """
    checkout.patch("0001-sample", header=HEADER + "Lines: 5.1\n", transport=ADDITION)
    said = checkout.refusal()
    assert "patches/0001-sample/HEADER: Lines names a release that is not pinned\n" in said
    assert "  got: 5.1\n" in said


def test_stage_reads_continued_fields_and_comments(checkout: Checkout) -> None:
    """
    Indented lines continue a field, a dot stands for an empty line, `#` for a comment.
    """
    header = HEADER.replace(
        "Description: a sample\n", "Description: a sample\n that is long\n .\n and has parts\n"
    ).replace("issues/1277\n", "issues/1277\n https://github.com/paramiko/paramiko/issues/413\n")
    checkout.patch("0001-sample", header=header, transport=ADDITION)
    checkout.edit("patches/series", "0001-sample", "# first\n\n0001-sample  # the only one")
    text = (checkout.stage() / "_patched.json").read_text(encoding="utf-8")
    assert '"description": "a sample"' in text
    assert "paramiko/issues/1277" in text
    assert "paramiko/issues/413" in text
