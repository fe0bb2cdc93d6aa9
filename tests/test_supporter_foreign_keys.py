"""Whatever belongs to a supporter says what becomes of it when two of them are merged, and when one is erased."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table

from tests.modules import tables

#: move: it follows the survivor. keep: it stays with the one it was about. strictest: the survivor's and the
#: loser's are weighed, and the strictest holds. rebuild: it is derived, and made anew.
ON_MERGE = {"move", "keep", "strictest", "rebuild"}
#: keep: the books need it, and it names nobody. redact: the row stays, what names a person goes. delete: it goes.
ON_ERASE = {"keep", "redact", "delete"}

SUPPORTER = "supporters_supporter"


def references(metadata: MetaData) -> Iterator[Column[object]]:
    """The columns that name a supporter: by foreign key, or on the floors below it by their name."""
    for table in metadata.tables.values():
        for column in table.columns:
            is_key = any(key.target_fullname == f"{SUPPORTER}.id" for key in column.foreign_keys)
            if is_key or (column.name.endswith("supporter_id") and table.name != SUPPORTER):
                yield column


def silent(metadata: MetaData) -> list[str]:
    """What is wrong, as sentences."""
    wrong = []
    for column in references(metadata):
        for key, allowed in (("on_merge", ON_MERGE), ("on_erase", ON_ERASE)):
            if column.info.get(key) not in allowed:
                wrong.append(f"{column} has to say {key} in its info: one of {', '.join(sorted(allowed))}")
        if column.primary_key:
            wrong.append(f"{column} is part of a primary key, so a merge could not move it")
    return wrong


def test_every_reference_to_a_supporter_says_what_merging_and_erasing_do() -> None:
    assert list(references(tables()))
    assert silent(tables()) == []


@pytest.mark.parametrize(
    ("column", "complaints"),
    [
        (Column("supporter_id", ForeignKey("supporters_supporter.id")), 2),
        (Column("giver_id", ForeignKey("supporters_supporter.id"), info={"on_merge": "move"}), 1),
        (Column("supporter_id", BigInteger, info={"on_erase": "keep", "on_merge": "vanish"}), 1),
        (
            Column(
                "supporter_id",
                ForeignKey("supporters_supporter.id"),
                primary_key=True,
                info={"on_merge": "move", "on_erase": "keep"},
            ),
            1,
        ),
        (Column("supporter_id", BigInteger, info={"on_merge": "strictest", "on_erase": "keep"}), 0),
    ],
)
def test_a_reference_that_says_nothing_is_noticed(column: Column[object], complaints: int) -> None:
    metadata = MetaData()
    Table(SUPPORTER, metadata, Column("id", Integer, primary_key=True))
    Table("supporters_thing", metadata, column)
    assert len(silent(metadata)) == complaints
