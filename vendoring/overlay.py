"""
Stage 4: put in the modules we own.

``paramiko_patched/`` of the checkout goes into the package, packages below it
included. A module that takes the place of an upstream module must say so in
``upstream.toml``, with the guard of each upstream text it was written for, so
that a release that changes that module stops the build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from vendoring.errors import Finding, SpliceError
from vendoring.guards import text_guard
from vendoring.pins import FILE_NAME, OverlayPin

__all__ = ["overlay", "read_overlays"]

FOLDER = "paramiko_patched"


def read_overlays(root: Path) -> dict[str, str]:
    """
    Return the modules we own: path inside the package to text.

    :raises SpliceError: the folder holds something else as well
    """
    modules: dict[str, str] = {}
    findings: list[Finding] = []
    folder = root / FOLDER
    for path in _files(folder) if folder.is_dir() else []:
        name = path.relative_to(folder).as_posix()
        if path.suffix != ".py":
            findings.append(
                Finding(f"{FOLDER}/{name} is not a module", "only *.py files", path.name)
            )
        elif name == "__init__.py":
            findings.append(
                Finding(
                    f"{FOLDER}/__init__.py must not exist",
                    wanted="upstream's __init__.py, staged at build time",
                    got="one of ours, which would hide the built package from a checkout",
                )
            )
        else:
            modules[name] = path.read_text(encoding="utf-8")
    for name in sorted(_packages(modules)):
        if f"{name}/__init__.py" not in modules:
            findings.append(
                Finding(
                    f"{FOLDER}/{name} is not a package",
                    wanted="an __init__.py in each folder that holds modules",
                    got="none, so that no wheel would hold them",
                )
            )
    if findings:
        raise SpliceError(*findings)
    return modules


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        # Byte code, and the settings of tools.
        if path.name == "__pycache__" or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _packages(modules: Iterable[str]) -> set[str]:
    """
    Return each folder that modules, named by their paths, stand in.
    """
    folders = {folder.as_posix() for path in modules for folder in PurePosixPath(path).parents}
    return folders - {"."}


def overlay(
    spliced: Mapping[str, str],
    pristine: Mapping[str, str],
    overlays: Mapping[str, str],
    pins: Mapping[str, OverlayPin],
    patched: Collection[str],
    release: str,
) -> dict[str, str]:
    """
    Return the modules with ours put in.

    :param spliced: path inside the package to text, after the series
    :param pristine: the same before it; the guards are taken on these
    :param overlays: what `read_overlays` gave
    :param pins: the overlays ``upstream.toml`` lists, by module
    :param patched: modules the series changes; none may be replaced as well
    :param str release: the upstream release, for messages
    :raises SpliceError: with every overlay that does not fit
    """
    findings = []
    for module in sorted(set(overlays) | set(pins)):
        pin = pins.get(module)
        where = f"{FOLDER}/{module}"
        upstream = pristine.get(module)
        if module not in overlays:
            findings.append(
                Finding(f"{FILE_NAME} lists the overlay {module}", where, "no such file")
            )
        elif pin is None and upstream is not None:
            findings.append(
                Finding(
                    f"{where} would replace upstream's module unannounced",
                    wanted=f'an [overlay."{module}"] table in {FILE_NAME}',
                    got="none",
                    hint=f"its guard for paramiko {release} is {text_guard(upstream)}",
                )
            )
        elif pin is not None and (upstream is None or text_guard(upstream) not in pin.replaces):
            findings.append(
                Finding(
                    f"{module} of paramiko {release} is not the module {where} was written for",
                    wanted=" or ".join(pin.replaces) or "a guard in `replaces`",
                    got=text_guard(upstream) if upstream is not None else "no such module",
                    hint="compare the two releases of it, carry over what is new, add the guard",
                )
            )
        elif pin is not None and module in patched:
            findings.append(
                Finding(
                    f"{where} would throw away what the series does to {module}",
                    wanted="a patch or an overlay",
                    got="both",
                )
            )
    whole = {**spliced, **overlays}
    for folder in sorted(_packages(overlays)):
        if f"{folder}.py" in whole:
            findings.append(
                Finding(
                    f"{FOLDER}/{folder}/ would hide the module {folder}.py",
                    wanted="a package or a module of that name",
                    got="both, of which Python imports the package",
                )
            )
    if findings:
        raise SpliceError(*findings)
    return whole
