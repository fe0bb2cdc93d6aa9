"""What Alembic runs: on the connection that it was handed, in that connection's transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeDecorator

from supporters.db import Base
from supporters.migrations import VERSION_TABLE, is_ours, owner_of


def include(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Compare our own tables only, and of those the ones of the branch that is asked for."""
    if not is_ours(item, name, kind, reflected, compare_to):
        return False
    branch = context.config.attributes.get("branch")
    table = item if kind == "table" else item.table
    return branch is None or owner_of(table.name) == branch


def render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write a decorated column type as the plain type below it: a revision must not depend on code that moves on."""
    if kind == "type" and isinstance(item, TypeDecorator) and not type(item).__module__.startswith("sqlalchemy."):
        return f"sa.{item.impl!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_object=include,
    render_item=render,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
