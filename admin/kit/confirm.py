"""The page before a final or large act: exactly what will happen, to how many, for how much."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask.typing import ResponseReturnValue

from admin.kit.forms import Form, shown
from supporters.money import Money


@dataclass
class Confirmation:
    """``points`` says in whole sentences what happens; ``count`` and ``total`` are shown large.

    ``leave`` is what the way back is called where "Cancel" could be taken for the act; without ``button`` it is all
    there is to do.
    """

    title: str
    question: str
    button: str
    back: str
    points: list[str] = field(default_factory=list)
    count: int | None = None
    total: Money | None = None
    danger: bool = False
    leave: str = ""
    crumbs: list[tuple[str, str]] = field(default_factory=list)

    def show(self, form: Form) -> ResponseReturnValue:
        return shown("kit/confirm.html", form=form, confirmation=self)
