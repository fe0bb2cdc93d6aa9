"""Forms: money, IBAN and dates as people type them, and a verb's refusal shown where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any

from flask import current_app, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import DateField as WTDateField
from wtforms import Field, StringField
from wtforms.validators import DataRequired, InputRequired, Length, StopValidation, ValidationError

from admin import clock
from admin.i18n import gettext as _
from admin.i18n import lazy, say
from supporters.errors import AchterbanError, BadInput
from supporters.money import Money
from supporters.people.bank_account import clean_iban


class Form(FlaskForm):
    """The base of every form of ours: messages in the reader's language, never half saved."""

    class Meta(FlaskForm.Meta):
        # Our own catalogue has the few sentences of WTForms that can appear; see `required`.
        def get_translations(self, form: Any) -> Any:
            return _Translations()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusal: AchterbanError | None = None

    def show_refusal(self, error: AchterbanError, fields: Mapping[str, str] | None = None) -> None:
        """Put what a verb raised beside the field it names, or above the form."""
        self.refusal = error
        name = (fields or {}).get(error.field or "", error.field or "")
        field = self._fields.get(name)
        if field is None or name == "csrf_token":
            self.form_errors.append(say(error))
        else:
            field.errors = [*field.errors, say(error)]


#: What WTForms itself may say; the catalogue finds it here.
_FROM_WTFORMS = (lazy("Not a valid choice."), lazy("Not a valid integer value."), lazy("This field is required."))


class _Translations:
    def gettext(self, text: str) -> str:
        return _(text)

    def ngettext(self, one: str, many: str, num: int) -> str:
        return _(one if num == 1 else many)


@contextmanager
def saving(form: Form | None = None, fields: Mapping[str, str] | None = None) -> Iterator[Session]:
    """One verb, one commit. What the verb refuses goes to the form (if there is one) and nothing is kept.

    ``fields`` says which field of the form a field of the library is, where the names differ.
    """
    session: Session = current_app.extensions["sqlalchemy"].session
    try:
        yield session
        session.commit()
    except AchterbanError as error:
        session.rollback()
        if form is None:
            raise
        form.show_refusal(error, fields)
    except BaseException:
        session.rollback()
        raise


def shown(template: str, *, form: Form | None = None, **values: Any) -> ResponseReturnValue:
    """The page; with status 422 (or the refusal's own) where the form has something to correct."""
    from admin.errors import status_of

    status = 200
    if form is not None and (form.errors or form.form_errors):
        status = status_of(form.refusal) if form.refusal else 422
    return render_template(f"achterban/{template}", form=form, **values), status


def required(message: str | None = None) -> Callable[..., Any]:
    return InputRequired(message or lazy("Fill this in."))


def chosen() -> Callable[..., Any]:
    return DataRequired(lazy("Choose one."))


def at_most(length: int) -> Callable[..., Any]:
    return Length(max=length, message=lazy("This is too long; at most %(max)d characters fit."))


def strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def text(label: str, *validators: Any, length: int = 255, **options: Any) -> StringField:
    return StringField(label, [*validators, at_most(length)], filters=[strip], **options)


class MoneyField(Field):
    """12,50 and 12.50 both; what could mean two amounts is refused with both readings."""

    def __init__(self, label: Any = None, validators: Any = None, currency: str = "EUR", **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.currency = currency
        self.raw = ""

    def widget(self, field: Field, **kwargs: Any) -> Any:
        from wtforms.widgets import TextInput

        kwargs.setdefault("inputmode", "decimal")
        kwargs.setdefault("autocomplete", "off")
        return TextInput()(field, **kwargs)

    def _value(self) -> str:
        if self.raw:
            return self.raw
        if not isinstance(self.data, Money):
            return ""
        digits = f"{self.data.decimal:f}"
        return digits.replace(".", ",") if _comma() else digits

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if self.raw:
            try:
                self.data = Money.parse(self.raw, self.currency)
            except BadInput as error:
                raise ValueError(say(error)) from error

    def pre_validate(self, form: Any) -> None:
        if self.process_errors:
            raise StopValidation()


class IbanField(StringField):
    """Without spaces and in capitals; a wrong check digit is said beside the field."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        kwargs.setdefault("render_kw", {"autocomplete": "off", "spellcheck": "false", "maxlength": "42"})
        super().__init__(label, validators, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = "".join((valuelist[0] if valuelist else "").split()).upper()

    def pre_validate(self, form: Any) -> None:
        if not self.data:
            return
        try:
            self.data = clean_iban(self.data)
        except BadInput as error:
            raise ValidationError(say(error)) from error


class DateField(WTDateField):
    """The browser's own date field; a typed 31-12-2026 is read too."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, format=["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            self.data = None
            raise ValueError(_("There is no such day; write it as 31-12-2026.")) from error
        if self.data and not date(1850, 1, 1) <= self.data <= date(2200, 1, 1):
            raise ValueError(_("That year cannot be meant."))


class MomentField(Field):
    """A day and a time where the charity is; the browser's own field, and a typed 31-12-2026 14:00 is read too."""

    _READ = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d-%m-%Y %H:%M")

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.raw = ""

    def widget(self, field: Field, **kwargs: Any) -> Any:
        from wtforms.widgets import DateTimeLocalInput

        return DateTimeLocalInput()(field, **kwargs)

    def _value(self) -> str:
        if self.raw:
            return self.raw
        return self.data.astimezone(clock.zone()).strftime("%Y-%m-%dT%H:%M") if self.data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if not self.raw:
            return
        for form in self._READ:
            with suppress(ValueError):
                local = datetime.strptime(self.raw, form).replace(tzinfo=clock.zone())
                break
        else:
            raise ValueError(_("There is no such moment; write it as 31-12-2026 14:00."))
        if not 1850 <= local.year <= 2200:
            raise ValueError(_("That year cannot be meant."))
        if local.astimezone(UTC).astimezone(clock.zone()).replace(fold=0) != local:
            raise ValueError(_("The clock skips this time on that day; choose an hour later."))
        self.data = local.astimezone(UTC)


def _comma() -> bool:
    from admin.i18n import locale

    return locale().language == "nl"
