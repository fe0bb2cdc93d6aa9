from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.giving.gift import Gift
from tests import cast


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = {event: list(handlers) for event, handlers in hooks._handlers.items()}
    yield
    hooks._handlers.clear()
    hooks._handlers.update(kept)


def test_a_handler_hears_what_was_booked_once_though_it_registered_twice(session: Session) -> None:
    heard: list[list[int]] = []

    def listen(_session: Session, *, gift_ids: list[int], **_: object) -> None:
        heard.append(gift_ids)

    assert hooks.on("gifts_booked")(hooks.on("gifts_booked")(listen)) is listen
    gift = cast.gift(session, cast.ada(session))
    assert heard == [[gift.id]]


def test_a_handler_that_fails_takes_the_whole_transaction_with_it(session: Session) -> None:
    @hooks.on("gifts_booked")
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    ada = cast.ada(session)
    session.commit()
    with pytest.raises(RuntimeError):
        cast.gift(session, ada)
    session.rollback()
    assert session.query(Gift).count() == 0


def test_a_hook_that_does_not_exist_is_a_mistake_in_the_program(session: Session) -> None:
    with pytest.raises(KeyError, match="gift_booked"):
        hooks.on("gift_booked")
    with pytest.raises(KeyError):
        hooks.fire("gift_booked", session)


def test_nobody_listens_until_somebody_registers() -> None:
    hooks._handlers.pop("supporter_erased", None)
    assert not hooks.listened_to("supporter_erased")
    hooks.on("supporter_erased")(print)
    assert hooks.listened_to("supporter_erased")
