"""
The gate's one error for people: what, then wanted, got and hint.

Role: raised by every stage that meets bad input or a machine that lacks something; printed by
`paramiko_gate.cli` and, inside pytest, shown in place of a traceback. May not import anything
but the standard library.
"""

from __future__ import annotations

EXIT_PASS = 0
EXIT_FAIL = 1
EXIT_USAGE = 2
EXIT_UNKNOWN = 3


class GateError(Exception):
    """
    Say in one block why the gate cannot go on.

    :param str what: one line, no full stop
    :param str wanted: what would have been right
    :param str got: what was found instead
    :param str hint: what to do about it
    :param int exit_code: `EXIT_USAGE` for a wrong call, `EXIT_UNKNOWN` when nothing can be said
        about the target
    """

    def __init__(
        self,
        what: str,
        wanted: str = "",
        got: str = "",
        hint: str = "",
        exit_code: int = EXIT_USAGE,
    ) -> None:
        super().__init__(what, wanted, got, hint, exit_code)
        self.what = what
        self.wanted = wanted
        self.got = got
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return block(self.what, self.wanted, self.got, self.hint)


def block(what: str, wanted: str = "", got: str = "", hint: str = "") -> str:
    """
    Return the form every failure has: one line, then the indented lines that are not empty.

    :returns: text without a newline at its end
    """
    lines = [what]
    for name, text in (("wanted", wanted), ("got", got), ("hint", hint)):
        if text:
            lines.append(f"  {name}: {text}")
    return "\n".join(lines)
