"""Who does it. Every verb that changes something takes an Actor; tables store its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from supporters.errors import NotAllowed

Kind = Literal["person", "job", "gateway", "import", "visitor"]


@dataclass(frozen=True, slots=True)
class Actor:
    """``authenticated`` is true only where a password, token or session proved who it is."""

    kind: Kind
    name: str
    via: str = ""
    authenticated: bool = False

    @classmethod
    def person(cls, email: str, *, via: str = "library", authenticated: bool = False) -> Actor:
        return cls("person", email.strip().lower(), via, authenticated)

    @classmethod
    def job(cls, name: str) -> Actor:
        return cls("job", name, "job", authenticated=True)

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    def must_be_signed_in(self) -> None:
        """Raise NotAllowed unless this is a person whose identity was proved."""
        if self.kind != "person" or not self.authenticated:
            raise NotAllowed("Only a signed-in person can do this; %(actor)s is not.", field="actor", actor=self.key)
