"""What can go wrong, said so that the person who reads it knows what to do next."""

from collections.abc import Sequence
from typing import Any


class AchterbanError(Exception):
    """Base of every error this library raises on purpose.

    ``template`` and ``params`` are kept apart so that a screen can translate the sentence;
    ``field`` names the input it is about, ``code`` is stable and meant for programs.
    """

    code = "error"

    def __init__(self, template: str, *, field: str | None = None, **params: Any) -> None:
        self.template = template
        self.params = params
        self.field = field
        super().__init__(template % params if params else template)

    @property
    def message(self) -> str:
        return str(self)


class BadInput(AchterbanError):
    """Something given is not what it should be: a field to correct (HTTP 422, exit code 2)."""

    code = "bad_input"


class Mistakes(BadInput):
    """Everything that is wrong with one form, each with its field, so that somebody corrects it in one go."""

    def __init__(self, errors: Sequence[BadInput]) -> None:
        first = errors[0]
        super().__init__(first.template, field=first.field, **first.params)
        self.errors = list(errors)


class Refused(AchterbanError):
    """The input is fine, a rule of the house says no (HTTP 409, exit code 2)."""

    code = "refused"


class NotFound(AchterbanError):
    """There is no such thing (HTTP 404, exit code 2)."""

    code = "not_found"


class NotAllowed(AchterbanError):
    """This actor may not do this (HTTP 403, exit code 2)."""

    code = "not_allowed"
