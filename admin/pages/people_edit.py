"""A new supporter; name, contact and accounts as they change; a death and its undoing."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, money, ngettext
from admin.kit.confirm import Confirmation
from admin.kit.forms import DateField, Form, IbanField, chosen, required, saving, shown, text
from admin.labels import choices, label
from admin.pages.people import find, to_supporter
from supporters import Address, BankAccount, Commitment, ContactPoint, Mandate, Supporter
from supporters.errors import NotFound
from supporters.lifecycle.death import SOURCES, Death


class NameForm(Form):
    first_name = text(lazy("First name"))
    initials = text(lazy("Initials"), length=40)
    prefix = text(lazy("Prefix"), length=40, description=lazy("Such as van der"))
    surname = text(lazy("Surname"))
    form_of_address = SelectField(lazy("Form of address"), choices=choices("form_of_address"))
    birth_date = DateField(lazy("Date of birth"), [Optional()])
    language = SelectField(lazy("We write in"), choices=choices("language"), default="nl")
    salutation_override = text(
        lazy("Salutation they asked for"), description=lazy("Only where ours is not what they want.")
    )


class OrganisationForm(Form):
    organisation_name = text(lazy("Name of the organisation"), required())
    sector = SelectField(
        lazy("What kind of organisation"),
        choices=choices("sector"),
        description=lazy("It decides under which income category its gifts fall."),
    )
    language = SelectField(lazy("We write in"), choices=choices("language"), default="nl")
    salutation_override = text(
        lazy("Salutation they asked for"), description=lazy("Only where ours is not what they want.")
    )


class ContactFields(Form):
    email = text(lazy("E-mail"), length=320)
    phone = text(lazy("Telephone"), length=40)
    street = text(lazy("Street"))
    house_number = text(lazy("House number"), length=40)
    house_addition = text(lazy("Addition"), length=40)
    postcode = text(lazy("Postcode"), length=16)
    city = text(lazy("Place"))
    country = text(lazy("Country"), length=2, default="NL", description=lazy("Two letters, such as NL or BE"))

    @property
    def address(self) -> Address:
        return Address(
            self.street.data or "",
            self.house_number.data or "",
            self.house_addition.data or "",
            self.postcode.data or "",
            self.city.data or "",
            (self.country.data or "NL").upper(),
        )


class NewForm(ContactFields):
    kind = RadioField(lazy("Kind"), choices=choices("kind_of_supporter"), default="person")
    first_name = text(lazy("First name"))
    initials = text(lazy("Initials"), length=40)
    prefix = text(lazy("Prefix"), length=40, description=lazy("Such as van der"))
    surname = text(lazy("Surname"))
    organisation_name = text(lazy("Name of the organisation"), description=lazy("Only for an organisation"))
    sector = SelectField(lazy("What kind of organisation"), choices=choices("sector"))
    iban = IbanField(lazy("IBAN"))
    source_code = text(lazy("Source"), length=40, description=lazy("What brought them: a campaign, a call, the street"))


ROWS = [
    ("first_name", "initials"),
    ("prefix", "surname"),
    ("form_of_address", "language"),
    ("organisation_name", "sector"),
    ("email", "phone"),
    ("street", "house_number", "house_addition"),
    ("postcode", "city", "country"),
    ("iban", "source_code"),
]
#: Order of the fields on the page of a new supporter.
NEW_ORDER = (
    "kind",
    "first_name",
    "initials",
    "prefix",
    "surname",
    "organisation_name",
    "sector",
    "email",
    "phone",
    "street",
    "house_number",
    "house_addition",
    "postcode",
    "city",
    "country",
    "iban",
    "source_code",
)


def crumbs(person: Supporter | None = None) -> list[tuple[str, str]]:
    trail = [(_("Supporters"), url_for(f"{NAME}.supporters"))]
    return [*trail, (person.name, to_supporter(person.id))] if person else trail


def _rows(form: Form) -> list[tuple[str, ...]]:
    return [names for names in ROWS if all(name in form for name in names)]


@bp.route("/supporters/new", methods=["GET", "POST"])
@needs("people.edit")
def supporter_new() -> ResponseReturnValue:
    form = NewForm()
    form._fields = {name: form._fields[name] for name in (*NEW_ORDER, *(n for n in form._fields if n not in NEW_ORDER))}
    if form.validate_on_submit():
        with saving(form) as saved:
            names = ("first_name", "initials", "prefix", "surname", "organisation_name", "sector")
            person = Supporter.welcome(
                saved,
                form.email.data or None,
                now=clock.now(),
                on=clock.today(),
                by=current_actor(),
                kind=form.kind.data,
                phone=form.phone.data or None,
                address=form.address or None,
                iban=form.iban.data or None,
                source_code=form.source_code.data or None,
                **{name: form[name].data for name in names},
            )
            saved.flush()
            number = person.id
        if not form.refusal:
            flash(_("Added."), "success")
            return redirect(to_supporter(number))
    return shown(
        "form.html",
        form=form,
        title=_("New supporter"),
        lead=_("Only a name is needed; the rest may come later."),
        all_optional=True,
        crumbs=crumbs(),
        rows=_rows(form),
        button=_("Add"),
        back=url_for(f"{NAME}.supporters"),
    )


@bp.route("/supporters/<int:number>/name", methods=["GET", "POST"])
@needs("people.edit")
def supporter_name(number: int) -> ResponseReturnValue:
    person = find(number)
    kind: type[Form] = NameForm if person.kind == "person" else OrganisationForm
    form = kind(obj=person)
    if form.validate_on_submit():
        with saving(form) as saved:
            values = {name: f.data for name, f in form._fields.items() if name != "csrf_token"}
            for name in ("form_of_address", "salutation_override", "sector"):
                if name in values:
                    values[name] = values[name] or None
            person.rename(saved, by=current_actor(), now=clock.now(), **values)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(to_supporter(person.id))
    return shown(
        "form.html",
        form=form,
        title=_("Name and personal details"),
        all_optional=True,
        crumbs=crumbs(person),
        rows=_rows(form),
        button=_("Save"),
        back=to_supporter(number),
    )


@bp.route("/supporters/<int:number>/contact", methods=["GET", "POST"])
@needs("people.edit")
def supporter_contact(number: int) -> ResponseReturnValue:
    """What changed is recorded beside what was; nothing is overwritten."""
    person = find(number)
    address = person.address or Address()
    known = {
        "email": person.email,
        "phone": person.phone,
        **{slot: getattr(address, slot) for slot in address.__slots__},
    }
    form = ContactFields(data=known if request.method == "GET" else None)
    if form.validate_on_submit():
        with saving(form) as saved:
            who = {"by": current_actor(), "now": clock.now(), "on": clock.today()}
            for kind, value in (("email", form.email.data), ("phone", form.phone.data), ("address", form.address)):
                point = person.current(kind)
                if value:
                    person.set_contact(saved, kind, value, **who)
                elif point is not None:
                    person.drop_contact(saved, point, **who)
        if not form.refusal:
            flash(_("Saved. What was known before is kept in the history."), "success")
            return redirect(to_supporter(person.id))
    return shown(
        "form.html",
        form=form,
        title=_("Contact details"),
        all_optional=True,
        crumbs=crumbs(person),
        rows=_rows(form),
        button=_("Save"),
        back=to_supporter(number),
        lead=_("Empty a field where it no longer holds."),
    )


class AccountForm(Form):
    iban = IbanField(lazy("IBAN"), [required()])
    holder = text(lazy("In the name of"), description=lazy("Only where it is somebody else's name."))


@bp.route("/supporters/<int:number>/account", methods=["GET", "POST"])
@needs("people.edit")
def supporter_account(number: int) -> ResponseReturnValue:
    person = find(number)
    form = AccountForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            BankAccount.known(
                saved, person, form.iban.data, by=current_actor(), on=clock.today(), holder=form.holder.data or None
            )
            person.index(saved)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(to_supporter(person.id))
    return shown(
        "form.html",
        form=form,
        title=_("New bank account"),
        crumbs=crumbs(person),
        button=_("Save"),
        back=to_supporter(number),
    )


class MandateAccountForm(Form):
    iban = IbanField(lazy("New IBAN"), [required()])


@bp.route("/mandates/<int:mandate_id>/account", methods=["GET", "POST"])
@needs("commitments.edit")
def mandate_account(mandate_id: int) -> ResponseReturnValue:
    """The donor moved to another bank: the mandate goes on, the bank is told with the next collection."""
    mandate: Mandate = Mandate.get(session(), mandate_id)
    person = mandate.supporter
    form = MandateAccountForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            mandate.change_account(saved, form.iban.data, by=current_actor(), now=clock.now(), on=clock.today())
            person.index(saved)
        if not form.refusal:
            flash(_("Saved. The bank is told with the next collection."), "success")
            return redirect(to_supporter(person.id))
    present = mandate.bank_account.spaced if may("people.private") else ""
    return shown(
        "form.html",
        form=form,
        title=_("Another IBAN for mandate %(reference)s", reference=mandate.reference),
        crumbs=crumbs(person),
        button=_("Save"),
        back=to_supporter(person.id),
        lead=_("Now: %(iban)s. The mandate itself goes on; no new signature is needed.", iban=present),
    )


class DeathForm(Form):
    died_on = DateField(lazy("Date of death"), [Optional()], description=lazy("Leave it empty where it is not known."))
    source = SelectField(lazy("Who told us"), [chosen()], choices=choices("source_of_death", SOURCES))
    note = text(lazy("Note"), description=lazy("Such as the name and telephone number of the executor"))


@bp.route("/supporters/<int:number>/death", methods=["GET", "POST"])
@needs("people.death")
def supporter_death(number: int) -> ResponseReturnValue:
    """One page that says what stops, and then it stops."""
    person = find(number)
    form = DeathForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            Death.report(
                saved,
                person,
                source=form.source.data,
                died_on=form.died_on.data,
                note=form.note.data or "",
                by=current_actor(),
                now=clock.now(),
            )
        if not form.refusal:
            flash(_("Recorded. Everything that would have reached this person has stopped."), "success")
            return redirect(to_supporter(person.id))
    going = list(
        session().scalars(select(Commitment).where(Commitment.supporter_id == person.id, Commitment.ended_on.is_(None)))
    )
    mandates = session().scalar(
        select(func.count())
        .select_from(Mandate)
        .where(Mandate.supporter_id == person.id, Mandate.cancelled_on.is_(None))
    )
    points = [
        _("%(amount)s %(every)s stops.", amount=money(c.money), every=label("every", c.term.every)) for c in going
    ]
    points += [ngettext("%(num)s mandate ends.", "%(num)s mandates end.", mandates or 0)] if mandates else []
    points += [
        _("Lines in a collection that nobody approved yet are taken out; one that is at the bank becomes a task."),
        _("No mail or letter goes out any more."),
        _("If it was the wrong person, you can undo it on the same page: everything then goes on as it was."),
    ]
    return Confirmation(
        title=_("Report the death of %(name)s", name=person.name),
        question=_("This is what happens:"),
        points=points,
        button=_("Record the death"),
        back=to_supporter(number),
        danger=True,
        crumbs=crumbs(person),
    ).show(form)


class EmptyForm(Form):
    """Only the token: the page is the question."""


@bp.route("/supporters/<int:number>/death/undo", methods=["GET", "POST"])
@needs("people.death")
def supporter_death_undo(number: int) -> ResponseReturnValue:
    person = find(number)
    death = Death.standing(session(), person)
    if death is None:
        raise NotFound("There is no report of a death to undo here.")
    form = EmptyForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            death.undo(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Undone. Commitments and mandates go on as they were."), "success")
            return redirect(to_supporter(person.id))
    journal = death.journal
    points = [
        ngettext("%(num)s commitment goes on.", "%(num)s commitments go on.", len(journal.get("commitments", []))),
        ngettext("%(num)s mandate goes on.", "%(num)s mandates go on.", len(journal.get("mandates", []))),
        _("What ended before, or was ended since, stays ended."),
    ]
    return Confirmation(
        title=_("Undo the report of a death"),
        question=_("%(name)s is alive. This is what happens:", name=person.name),
        points=points,
        button=_("Undo it"),
        back=to_supporter(number),
        crumbs=crumbs(person),
    ).show(form)


@bp.post("/contact/<int:point_id>/drop")
@needs("people.edit")
def contact_drop(point_id: int) -> ResponseReturnValue:
    """A bounced address: it no longer holds, and stays in the history."""
    point: ContactPoint = ContactPoint.get(session(), point_id)
    with saving() as saved:
        point.supporter.drop_contact(saved, point, by=current_actor(), now=clock.now(), on=clock.today())
    flash(_("Saved. What was known before is kept in the history."), "success")
    return redirect(to_supporter(point.supporter_id))
