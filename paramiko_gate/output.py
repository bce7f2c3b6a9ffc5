"""
Where the gate's words go: reports in files, and the standard output.

What cannot be written is an error like any other (exit code 3): nobody may take a verdict that was
lost for one that was good. Role: used by `paramiko_gate.cli` and `paramiko_gate.run`; imports the
standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paramiko_gate.errors import EXIT_UNKNOWN, GateError


def refuse_bad_reports(paths: list[Path | None]) -> None:
    """
    Find out now, and not after minutes, whether the reports can be written.

    Leaves nothing behind and touches nothing that is there already.

    :raises GateError: one cannot; all of them are named
    """
    wanted = [path.absolute() for path in paths if path is not None]
    complaints = [f"{path}: {words}" for path in wanted if (words := _complaint(path))]
    if len(set(wanted)) != len(wanted):
        complaints.append(f"{wanted[0]}: named twice")
    if complaints:
        raise GateError(
            "a report cannot be written",
            wanted="a file in an existing directory that may be written to",
            got="; ".join(complaints),
            hint="nothing was run",
        )


def write_report(path: Path, text: str) -> None:
    """
    Write a report where it was asked for.

    A regular file is replaced whole or not at all; of a link, that is the file it leads to. Into a
    device or a pipe the text is written, for as long as that takes; neither is ever replaced.

    :raises GateError: it cannot be written; nothing is half-written but a device or a pipe
    """
    try:
        file = _regular_file(path)
        if file is None:
            _write_through(path, text)
        else:
            _replace(file, text)
    except OSError as error:
        raise GateError(
            "a report could not be written",
            got=f"{path}: {error.strerror or error}",
            exit_code=EXIT_UNKNOWN,
        ) from error


@contextlib.contextmanager
def checked_stdout() -> Iterator[None]:
    """
    Raise `GateError` where the standard output cannot be written, also at the end.
    """
    before = sys.stdout
    checked: Any = _CheckedFile(before)
    sys.stdout = checked
    try:
        yield
        checked.flush()
    finally:
        sys.stdout = before


def complain(text: object) -> None:
    """
    Print to standard error; where nobody can be told, the exit code has to do.
    """
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class _CheckedFile:
    """
    Stand in for a text file, the standard output, and tell truly that it cannot be written.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        with self._checked():
            count: int = self._file.write(text)
        return count

    def flush(self) -> None:
        with self._checked():
            self._file.flush()

    def isatty(self) -> bool:
        return self._file is not None and bool(self._file.isatty())

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            if self._file is None:
                raise OSError("it is closed")
            yield
        except OSError as error:
            self._drop_rest()
            raise GateError(
                "the standard output cannot be written",
                got=error.strerror or str(error),
                hint="the verdict, if there was one, is lost",
                exit_code=EXIT_UNKNOWN,
            ) from error

    def _drop_rest(self) -> None:
        """Let what is left go nowhere, or the interpreter fails to write it at its exit."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._file.fileno())
            os.close(nowhere)


def _regular_file(path: Path) -> Path | None:
    """Return the regular file, without links, that is or will be at a path; None for others."""
    file = Path(os.path.realpath(path))
    try:
        there = path.stat()
    except FileNotFoundError:
        return file
    # A link of /proc may lead to what its text does not name.
    if stat.S_ISREG(there.st_mode) and file.exists() and file.samefile(path):
        return file
    return None


def _complaint(path: Path) -> str:
    """Return why there can be no report at a path; empty if there can."""
    if path.is_dir():
        return "is a directory"
    try:
        file = _regular_file(path)
        if file is None:
            # Not opened: who waits at the other end of a pipe would take that for the report.
            return "" if os.access(path, os.W_OK) else "may not be written to"
        with tempfile.TemporaryFile(dir=file.parent):
            pass
        if file.exists():
            with file.open("r+b"):
                pass
            with contextlib.suppress(OSError, ValueError, AttributeError):
                if os.path.samestat(file.stat(), os.fstat(sys.stdout.fileno())):
                    return "is the standard output"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _write_through(path: Path, text: str) -> None:
    # Without waiting for a reader: one that does not come would be waited for for ever.
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
