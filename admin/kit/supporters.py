"""A field in which a supporter is found: by number at once, by name through a choice below it."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape
from wtforms import Field
from wtforms.validators import StopValidation
from wtforms.widgets import HiddenInput, TextInput

from admin.bank_choices import Choice, found_by
from admin.data import session
from admin.i18n import gettext as _
from supporters.people.supporter import Supporter

_NUMBER = re.compile(r"[Ss]?\d{1,15}")


class SupporterField(Field):
    """``data`` is the supporter. It sends up to three values: what is typed, what the choices below were found by, and
    the one that was chosen of them; who types another name after that looks for another one.
    """

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.typed, self.looked_for, self.offered = "", "", list[Choice]()

    def process_formdata(self, valuelist: list[str]) -> None:
        self.typed, before, picked = ([each.strip()[:200] for each in valuelist] + ["", "", ""])[:3]
        if picked and before == self.typed:
            self.typed = picked
        self.data = Supporter.find(session(), self.typed) if _NUMBER.fullmatch(self.typed) else None

    def pre_validate(self, form: Any) -> None:
        if self.data is not None or not self.typed:
            return
        if _NUMBER.fullmatch(self.typed):
            raise StopValidation(_("There is no supporter with number %(number)s.", number=self.typed))
        self.looked_for, self.offered = self.typed, found_by(self.typed)
        raise StopValidation(_("Choose who it is.") if self.offered else _("Nobody is found with this."))

    def _value(self) -> str:
        return self.data.number if isinstance(self.data, Supporter) else self.typed

    def widget(self, field: Field, **kwargs: Any) -> Markup:
        kwargs = {"autocomplete": "off", "maxlength": "200", "placeholder": _("Name or number")} | kwargs
        parts = [TextInput()(field, **kwargs)]
        if isinstance(self.data, Supporter):
            parts.append(Markup('<p class="ab-hint">{}</p>').format(self.data.name))
        if self.offered:
            parts.append(HiddenInput()(field, id=f"{self.id}-found", value=self.looked_for))
            rows = Markup("").join(self._choice(number, each) for number, each in enumerate(self.offered))
            about = escape(_("Who is it?"))
            parts.append(Markup('<div role="radiogroup" aria-label="{}">{}</div>').format(about, rows))
        return Markup("").join(parts)

    def _choice(self, number: int, each: Choice) -> Markup:
        checked = Markup(" checked") if len(self.offered) == 1 else ""
        reasons = Markup("").join(Markup("<small>{}</small>").format(reason) for reason in each.reasons)
        return Markup(
            '<div class="ab-choice"><input class="form-check-input" type="radio" name="{name}" id="{id}-{number}"'
            ' value="{value}"{checked}><label for="{id}-{number}"><strong>{title}</strong>'
            ' <span class="ab-quiet">{value}</span>{reasons}</label></div>'
        ).format(
            name=self.name, id=self.id, number=number, value=each.number, checked=checked, title=each.title,
            reasons=reasons,
        )  # fmt: skip
