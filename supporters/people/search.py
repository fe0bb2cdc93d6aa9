"""Finding a supporter by name, e-mail, IBAN, postcode or number, by a prefix range on a folded token table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, and_, delete, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from supporters.bulk import insert_rows
from supporters.db import Base, pk
from supporters.people import folding
from supporters.people.bank_account import BankAccount
from supporters.people.contact import ContactPoint
from supporters.people.reference import ExternalReference
from supporters.people.supporter import Supporter

#: On PostgreSQL a prefix range needs byte order, whatever the database's own collation.
Token = String(64).with_variant(String(64, collation="C"), "postgresql")
BLOCK = 1_000


class SearchToken(Base):
    __tablename__ = "supporters_search_token"
    __table_args__ = (
        Index("uq_supporters_search_token_token_supporter_id", "token", "supporter_id", unique=True),
        Index(None, "supporter_id", "token"),
    )

    id: Mapped[pk]
    token: Mapped[str] = mapped_column(Token)
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "rebuild", "on_erase": "delete"}
    )


def reindex(session: Session, ids: Iterable[int]) -> int:
    """Rebuild the tokens of these supporters, in blocks; merged ones have none. Returns how many were written."""
    todo, written = list(ids), 0
    for start in range(0, len(todo), BLOCK):
        block = todo[start : start + BLOCK]
        session.execute(delete(SearchToken).where(SearchToken.supporter_id.in_(block)))
        rows = [
            (token, supporter_id)
            for supporter_id, tokens in _tokens(session, block).items()
            for token in sorted(tokens)
        ]
        insert_rows(session, SearchToken, ["token", "supporter_id"], rows)
        written += len(rows)
    return written


def _tokens(session: Session, ids: Sequence[int]) -> dict[int, set[str]]:
    values: dict[int, dict[str, list[str]]] = {}
    people = select(
        Supporter.id,
        Supporter.first_name,
        Supporter.initials,
        Supporter.prefix,
        Supporter.surname,
        Supporter.organisation_name,
    ).where(Supporter.id.in_(ids), Supporter.merged_into_id.is_(None))
    for row in session.execute(people):
        values[row.id] = {
            "names": list(row[1:]),
            "emails": [],
            "ibans": [],
            "postcodes": [],
            "references": [],
            "phones": [],
        }
    contacts = select(ContactPoint.supporter_id, ContactPoint.kind, ContactPoint.value, ContactPoint.postcode).where(
        ContactPoint.supporter_id.in_(ids), ContactPoint.until_on.is_(None)
    )
    for supporter_id, kind, value, postcode in session.execute(contacts):
        if known := values.get(supporter_id):
            known["postcodes" if kind == "address" else f"{kind}s"].append(postcode if kind == "address" else value)
    accounts = select(BankAccount.supporter_id, BankAccount.iban).where(BankAccount.supporter_id.in_(ids))
    for supporter_id, iban in session.execute(accounts):
        if supporter_id in values:
            values[supporter_id]["ibans"].append(iban)
    references = select(ExternalReference.supporter_id, ExternalReference.value).where(
        ExternalReference.supporter_id.in_(ids)
    )
    for supporter_id, value in session.execute(references):
        if supporter_id in values:
            values[supporter_id]["references"].append(value)
    return {supporter_id: folding.tokens_of(number=supporter_id, **parts) for supporter_id, parts in values.items()}


def matching(query: str, candidates: Sequence[str] | None = None) -> Select[int] | None:
    """A select of the ids of supporters who have, for each word of ``query``, a token that begins with it."""
    words = list(candidates) if candidates is not None else folding.tokens_for_query(query)
    if not words:
        return None
    first = aliased(SearchToken)
    found = select(first.supporter_id).where(_range(first, words[0]))
    for other in words[1:]:
        token = aliased(SearchToken)
        found = found.where(select(1).where(token.supporter_id == first.supporter_id, _range(token, other)).exists())
    return found


def search(session: Session, query: str, *, limit: int = 50) -> list[Supporter]:
    """The supporters a person typing ``query`` means; whole-word matches first, then by name."""
    words = folding.tokens_for_query(query)
    if not words:
        return []
    # The rarest word leads: its range is walked and the others are looked up one by one.
    words.sort(key=lambda word: _rarity(session, word))
    ids: list[int] = []
    exact = aliased(SearchToken)
    found = matching(query, words)
    assert found is not None
    whole = select(exact.supporter_id).where(exact.token == words[0])
    for other in words[1:]:
        token = aliased(SearchToken)
        whole = whole.where(select(1).where(token.supporter_id == exact.supporter_id, _range(token, other)).exists())
    for query_part in (whole.limit(limit), found.limit(limit * 4)):
        ids += [key for key in session.scalars(query_part) if key not in ids]
        if len(ids) >= limit:
            break
    rank = {key: number for number, key in enumerate(ids[:limit])}
    people = session.scalars(select(Supporter).where(Supporter.id.in_(rank))).all()
    exact_ids = set(session.scalars(whole.limit(limit))) if ids else set()
    return sorted(people, key=lambda s: (s.id not in exact_ids, s.sort_name, s.id))


def _rarity(session: Session, word: str) -> int:
    """How many tokens begin with the word, counted no further than matters."""
    token = aliased(SearchToken)
    return (
        session.scalar(
            select(func.count()).select_from(select(token.id).where(_range(token, word)).limit(2_000).subquery())
        )
        or 0
    )


def _range(token: type[SearchToken], word: str) -> ColumnElement[bool]:
    # "\uffff" sorts after every character our folding leaves.
    return and_(token.token >= word, token.token < word + "\uffff")
