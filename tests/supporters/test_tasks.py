import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.errors import Refused
from supporters.tasks import Task
from tests import cast


def raised(session: Session, **fields: object) -> Task:
    task = Task.raise_(session, "call", "Call %(name)s.", by=cast.ANNA, now=cast.NOW, **fields, name="Ada")  # type: ignore[arg-type]
    session.commit()
    return task


def test_a_task_says_what_to_do(session: Session) -> None:
    task = raised(session, not_before_on=cast.TODAY)
    assert (task.title, task.is_open, task.raised_by) == ("Call Ada.", True, cast.ANNA.key)


def test_a_text_with_a_percent_sign_and_no_params_stays_as_it_is(session: Session) -> None:
    task = Task.raise_(session, "call", "Look at 100% of them.", by=cast.ANNA, now=cast.NOW)
    assert task.title == "Look at 100% of them."


def test_the_same_matter_raises_one_task(session: Session) -> None:
    assert raised(session, key="call:1") is raised(session, key="call:1")
    raised(session)
    raised(session)
    assert len(session.scalars(select(Task)).all()) == 3


def test_a_task_is_done_once_by_somebody(session: Session) -> None:
    task = raised(session)
    task.finish(session, "called", by=cast.BRAM, now=cast.NOW)
    session.commit()
    assert (task.is_open, task.done_by, task.outcome) == (False, cast.BRAM.key, "called")
    with pytest.raises(Refused, match="done already"):
        task.finish(session, by=cast.ANNA, now=cast.NOW)
    assert task.done_by == cast.BRAM.key
