"""The source of the three packages, and the tables they declare once all of it is imported."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
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


def imported_by(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """What a source imports, as module names; also inside functions and for type checking."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") if is_package else module.split(".")[:-1]
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in sources() else base


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
