"""
Two indexes, one that lets the public one through, and files that were yanked.

The tables hold what each tool does, also where that is a trap: ``docs/pinning.md`` warns of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from index import servers
from index.catalogue import NEWEST, OLDER, PATCHED, Catalogue
from index.resolvers import RESOLVERS, Indexes, Resolver, Uv, by_name
from index.workplace import Workplace

STOCK, NEW, OLD = NEWEST, PATCHED[NEWEST], PATCHED[OLDER]


@dataclass(frozen=True)
class Shadow:
    """
    Indexes by their names in the catalogue, a requirement, and what each tool takes.
    """

    first: str
    extra: str
    requirement: str
    chosen: dict[str, str | None]


def chosen(pip: str | None, uv: str | None, poetry: str | None) -> dict[str, str | None]:
    """
    Return the choices by tool; pip-tools asks pip's own resolver.
    """
    return {"pip": pip, "uv": uv, "poetry": poetry, "pip-tools": pip}


SHADOWS = (
    Shadow("stock", "alone", "paramiko==5.1.0", chosen(NEW, NEW, STOCK)),
    Shadow("alone", "stock", "paramiko==5.1.0", chosen(NEW, STOCK, NEW)),
    Shadow("old", "stock", "paramiko>=2.4", chosen(STOCK, STOCK, OLD)),
    Shadow("stock", "old", "paramiko>=2.4", chosen(STOCK, OLD, STOCK)),
    Shadow("stock", "old", f"paramiko=={OLD}", chosen(OLD, OLD, OLD)),
    Shadow("old_over", "", "paramiko>=2.4", chosen(OLD, OLD, OLD)),
    Shadow("old_over", "", "paramiko==5.1.0", chosen(None, None, None)),
    Shadow("old_open", "", "paramiko>=2.4", chosen(STOCK, STOCK, STOCK)),
    Shadow("old_open", "", f"paramiko=={OLD}", chosen(OLD, OLD, OLD)),
)


@pytest.mark.parametrize("shadow", SHADOWS, ids=lambda s: f"{s.first}+{s.extra} {s.requirement}")
@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_mixed_indexes_end_as_the_document_says(
    desk: Workplace, catalogue: Catalogue, resolver: type[Resolver], shadow: Shadow
) -> None:
    """
    Who asks two indexes for one project gets what the tool prefers, without a word.
    """
    extra = getattr(catalogue, shadow.extra) if shadow.extra else ""
    tool = resolver(desk, Indexes(getattr(catalogue, shadow.first), extra))
    assert tool.lock([shadow.requirement, "fabric"]) == shadow.chosen[tool.name]


@dataclass(frozen=True)
class Yanked:
    """
    Whether stock is there too, a requirement, and what each tool takes.
    """

    beside_stock: bool
    requirement: str
    chosen: dict[str, str | None]


YANKED = (
    Yanked(True, "paramiko==5.1.0", chosen(STOCK, STOCK, STOCK)),
    Yanked(True, "paramiko>=2.4", chosen(STOCK, STOCK, STOCK)),
    Yanked(False, "paramiko==5.1.0", chosen(NEW, None, NEW)),
    Yanked(False, f"paramiko=={NEW}", chosen(NEW, NEW, NEW)),
)


@pytest.fixture(scope="module")
def yanking(
    tmp_path_factory: pytest.TempPathFactory, stock_wheels: list[Path], dropins: dict[str, Path]
) -> Iterator[dict[bool, str]]:
    """
    Return the addresses of two indexes whose drop-in was yanked, with stock beside it and without.
    """
    folder = tmp_path_factory.mktemp("yanked")
    wheel = dropins[NEWEST]
    others = [path for path in stock_wheels if not path.name.startswith("paramiko-")]
    beside = [path for path in stock_wheels if path.name.startswith(f"paramiko-{STOCK}-")]
    assert len(beside) == 1
    with (
        servers.plain_files(folder / "beside", [*others, *beside, wheel], [wheel.name]) as both,
        servers.plain_files(folder / "alone", [*others, wheel], [wheel.name]) as alone,
    ):
        yield {True: f"{both.url}simple/", False: f"{alone.url}simple/"}


@pytest.mark.parametrize(
    "case", YANKED, ids=lambda y: f"{y.requirement} {'beside stock' * y.beside_stock}"
)
@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_yanked_dropin_ends_as_the_document_says(
    desk: Workplace, yanking: dict[bool, str], resolver: type[Resolver], case: Yanked
) -> None:
    """
    Yanking takes it from everybody who has not pinned it exactly, and gives them stock.
    """
    tool = resolver(desk, Indexes(yanking[case.beside_stock]))
    assert tool.lock([case.requirement, "fabric"]) == case.chosen[tool.name]


@pytest.mark.parametrize(
    ("settings", "version"),
    [("", STOCK), (f'constraint-dependencies = ["paramiko=={NEW}"]', NEW)],
    ids=["source alone", "source and constraint"],
)
def test_source_of_uv_holds_for_what_another_package_asks_for_only_with_a_constraint(
    desk: Workplace, catalogue: Catalogue, settings: str, version: str
) -> None:
    """
    Without it uv takes stock, as if the source were not there.
    """
    tool = Uv(desk, Indexes(catalogue.stock))
    source = '[tool.uv.sources]\nparamiko = { index = "internal" }\n'
    index = f'[[tool.uv.index]]\nname = "internal"\nurl = "{catalogue.alone}"\nexplicit = true\n'
    assert tool.lock(["fabric"], f"[tool.uv]\n{settings}\n{source}{index}") == version
