"""
Print what a program can see of a library: its names, and each function's signature and so on.

Run as a program, with the library's import name, by the interpreter at hand, so that stock and fork
of any line can be compared without importing either into a test.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

#: What is seen of one thing, by kind of fact.
Facts = dict[str, str]

#: Modules for one operating system only, which elsewhere cannot be imported.
ELSEWHERE = {"_winapi", "win_openssh", "win_pageant"}
LIMIT_S = 50

#: Those that are ours as a whole: they say by themselves what they do, and with types.
WHOLE = ("buffered_pipe", "packet", "pipe", "proxy")
#: What is not compared of these.
OF_WHOLE = ("annotations", "doc", "name")

#: What is meant to differ from stock: where, in what, and why.
MEANT: Mapping[str, tuple[str, str]] = {
    "buffered_pipe:PY2": ("type defined", "of Python 2, on the oldest line"),
    "proxy.ProxyCommand.__init__": ("signature argspec", "keyword-only options"),
    "sftp_file.SFTPFile.close": ("doc", "it tells of writes that were lost"),
    "transport.Transport.close": ("doc", "it waits for the thread"),
    "transport.Transport.set_keepalive": ("doc signature argspec", "it takes count_max"),
}


def public_functions(path: Path | None, name: str) -> dict[str, Facts]:
    """
    Return what a program can see of a library.

    Blocks for as long as an interpreter takes that imports all of it.

    :param Path path: directory, or wheel, that the library is in; `None` where it is installed
    :param str name: import name
    :returns: dotted names, without the library's, to facts; "module:name" for the names of modules
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, name],
        env={**os.environ, **({"PYTHONPATH": str(path)} if path else {})},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Facts] = json.loads(done.stdout)
    return found


def unlike(stock: Mapping[str, Facts], fork: Mapping[str, Facts]) -> dict[str, str]:
    """
    Return what stock has and the fork has not, or has otherwise: where, and in what.

    :returns: what is in `MEANT` with exactly those kinds of facts is left out
    """
    found = {}
    for where, facts_of_stock in stock.items():
        facts_of_fork = fork.get(where, {})
        is_whole = re.split("[.:]", where)[0] in WHOLE
        if is_whole and facts_of_stock.get("defined") == "elsewhere" and not facts_of_fork:
            continue  # a module that is ours imports what it needs
        kinds = " ".join(
            kind
            for kind, text in facts_of_stock.items()
            if facts_of_fork.get(kind) != text and not (is_whole and kind in OF_WHOLE)
        )
        if is_whole and kinds == "signature argspec" and takes_more(facts_of_stock, facts_of_fork):
            continue  # one module for all lines takes what the newest takes
        # What a class inherits is listed with the class that it has it from.
        base = where.replace(".ServiceRequestingTransport.", ".Transport.")
        meant, _ = MEANT.get(base, ("", ""))
        if set(kinds.split()) != set(meant.split()):
            found[where] = (
                f"differs in {kinds or 'nothing'}, and is meant to in {meant or 'nothing'}"
            )
    return found


def takes_more(stock: Facts, fork: Facts) -> bool:
    """
    Whether a function takes what that of stock takes, and more behind it.
    """
    return fork.get("signature", "").startswith(stock["signature"][:-1] + ",")


def everything(library: ModuleType) -> Iterator[tuple[str, Facts]]:
    """
    Yield what is seen of the names in each module, and of the functions that they stand for.
    """
    for info in pkgutil.iter_modules(library.__path__):
        if info.name in ELSEWHERE or info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{library.__name__}.{info.name}")
        for name, value in list(vars(module).items()):
            if name.startswith("__"):
                continue
            # A test suite may put something in its place, be it a module that was imported.
            known = name.replace(library.__name__, "paramiko")
            is_own = getattr(value, "__module__", "") == module.__name__
            is_constant = name.isupper() and not callable(value)
            defined = "here" if is_own or is_constant else "elsewhere"
            yield f"{info.name}:{known}", {"type": type(value).__name__, "defined": defined}
            if name.startswith("_") or not is_own:
                continue
            if isinstance(value, type):
                yield from members(library, f"{info.name}.{name}", value)
            elif callable(value):
                yield f"{info.name}.{name}", facts(library, value)


def members(library: ModuleType, prefix: str, owner: type) -> Iterator[tuple[str, Facts]]:
    """
    Yield what is seen of the public methods and properties of a class, inherited ones included.
    """
    yield prefix, {"doc": owner.__doc__ or ""}
    for name in dir(owner):
        if name.startswith("_") and name != "__init__":
            continue
        value = inspect.getattr_static(owner, name)
        kind = {"kind": type(value).__name__}
        value = getattr(value, "__func__", value)
        if isinstance(value, FunctionType):
            kind.update(facts(library, value))
        elif isinstance(value, property):
            kind["doc"] = value.__doc__ or ""
        yield f"{prefix}.{name}", kind


def facts(library: ModuleType, function: Any) -> Facts:
    """
    Return what is seen of a function, under the name of stock.
    """
    seen = inspect.signature(function)
    bare = [part.replace(annotation=part.empty) for part in seen.parameters.values()]
    argspec = inspect.getfullargspec(function)
    told = {
        "name": f"{function.__module__}.{function.__qualname__} {function.__name__}",
        "signature": str(seen.replace(parameters=bare, return_annotation=seen.empty)),
        "argspec": str(argspec._replace(annotations={})),
        "annotations": str(argspec.annotations or ""),
    }
    told = {key: re.sub(r" at 0x[0-9a-f]+", "", text) for key, text in told.items()}
    told = {key: text.replace(library.__name__, "paramiko") for key, text in told.items()}
    return {**told, "doc": inspect.getdoc(function) or ""}


if __name__ == "__main__":
    print(json.dumps(dict(everything(importlib.import_module(sys.argv[1])))))
