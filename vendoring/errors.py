"""
What may go wrong while the fork is made, and how it is said.

Every stage raises one of these and nothing else for bad input. An error holds
all the findings of its stage, so that a person mends them in one go.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Finding",
    "IntegrityError",
    "PatchedError",
    "SeriesError",
    "SpliceError",
    "StageError",
]

_INDENT = "  "


@dataclass(frozen=True)
class Finding:
    """
    One thing that is wrong: what, and where it helps wanted, got and a hint.

    :param bool follows: it may be no more than the consequence of another one
    """

    what: str
    wanted: str = ""
    got: str = ""
    hint: str = ""
    follows: bool = False

    def render(self) -> str:
        """
        Return the finding as one line of what, then its labelled lines.
        """
        lines = [self.what]
        for label, text in (("wanted", self.wanted), ("got", self.got), ("hint", self.hint)):
            if text:
                rows = text.splitlines()
                lines.append(f"{_INDENT}{label}: {rows[0]}")
                # Aligned under the text, so that a list of files stays readable.
                lines += [f"{_INDENT}{' ' * (len(label) + 2)}{row}" for row in rows[1:]]
        return "\n".join(lines)


class PatchedError(Exception):
    """
    Root of everything this package raises on purpose; never raised itself.

    :param Finding findings: one or more, in the order they were met
    """

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(finding.render() for finding in self.findings)


class IntegrityError(PatchedError):
    """
    Upstream, or ``upstream.toml``, is not what was pinned, or cannot be found.
    """


class SeriesError(PatchedError):
    """
    ``patches/`` is not in order: the series, a header, or an entry's form.
    """


class SpliceError(PatchedError):
    """
    A patch or an overlay does not fit the upstream text it is applied to.
    """


class StageError(PatchedError):
    """
    The finished package cannot be named or written as asked.
    """
