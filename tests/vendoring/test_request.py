"""
What is asked of the build, and ``upstream.toml``, are checked before any work.
"""

from __future__ import annotations

from checkout import Checkout


def test_stage_lists_lines_when_line_is_unknown(checkout: Checkout) -> None:
    """
    A release that is not pinned is refused with those that are.
    """
    said = checkout.refusal("--upstream", "5.0.0")
    assert "there is no pinned line of that version\n" in said
    assert "  wanted: one of " in said
    assert "5.1.0\n" in said
    assert "  got: 5.0.0\n" in said
    assert "  hint: `python -m vendoring pin 5.0.0` writes" in said


def test_stage_lists_kinds_when_kind_is_unknown(checkout: Checkout) -> None:
    """
    A kind of distribution that does not exist is refused with those that do.
    """
    said = checkout.refusal("--kind", "drop-in")
    assert "there is no such kind of distribution\n" in said
    assert "  wanted: one of namespaced, dropin\n" in said
    assert "  got: drop-in\n" in said


def test_stage_names_every_bad_key_when_pins_are_malformed(checkout: Checkout) -> None:
    """
    Each unusable entry of upstream.toml is named, with what belongs there.
    """
    checkout.edit("upstream.toml", "patch-level = 2", 'patch-level = "2"')
    checkout.edit_line("name-tokens = 180", "name-tokens = true")
    checkout.edit_line('python = ">=3.9"\n', "")
    checkout.edit("upstream.toml", 'kinds = ["dropin"]', 'kinds = ["both"]')
    said = checkout.refusal()
    assert "upstream.toml: `patch-level` is not usable\n  wanted: a whole number\n" in said
    assert '`line."5.1.0".counts.name-tokens` is not usable' in said
    assert '`line."5.1.0".python` is not usable\n  wanted: a string\n  got: nothing\n' in said
    assert "`edit[1].kinds` is not usable\n  wanted: namespaced and dropin\n  got: both\n" in said
    assert said.count("wanted:") == 4


def test_stage_refuses_when_pins_are_not_toml(checkout: Checkout) -> None:
    """
    A file that is not TOML is refused with the parser's place and reason.
    """
    (checkout.root / "upstream.toml").write_text("patch-level = = 1\n", encoding="utf-8")
    said = checkout.refusal()
    assert said.startswith("upstream.toml cannot be read\n  got: ")
    assert "line 1" in said


def test_stage_refuses_when_no_line_is_pinned(checkout: Checkout) -> None:
    """
    A file without lines is refused: there would be nothing to build.
    """
    text = "patch-level = 1\ndate = 2026-01-31\n"
    (checkout.root / "upstream.toml").write_text(text, encoding="utf-8")
    said = checkout.refusal()
    assert "`line` is not usable" in said


def test_command_exits_2_when_it_is_not_one(checkout: Checkout) -> None:
    """
    Wrong usage has an exit status of its own.
    """
    assert checkout.run("splice").returncode == 2
    assert checkout.run().returncode == 2
