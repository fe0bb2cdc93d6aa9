"""The source of the three packages, and the tables they declare once all of it is imported."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from sqlalchemy import MetaData

from supporters.db import Base

ROOT = Path(__file__).parent.parent
PACKAGES = ("supporters", "campaigns", "admin")


@cache
def sources() -> dict[str, Path]:
    """Module name → its file, for every module of the three packages except revisions."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "versions" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tables() -> MetaData:
    """The metadata with every model there is."""
    for name in sources():
        if not name.endswith((".__main__", ".migrations.env")):
            importlib.import_module(name)
    return Base.metadata


@cache
def home_of(table: str) -> str | None:
    """The module whose class maps this table."""
    tables()
    for mapper in Base.registry.mappers:
        if mapper.local_table is not None and mapper.local_table.fullname == table:
            return mapper.class_.__module__
    return None
