"""Bank: reading files in. Each by itself: one that cannot be read keeps no other out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from wtforms import TextAreaField

from admin import clock
from admin.access import current_actor, may, needs
from admin.bank_agrees import forget_bank
from admin.bank_view import Came, to_file
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, say, worded
from admin.kit.forms import Form, at_most, required, saving, shown, strip
from admin.uploads import Upload
from supporters import audit
from supporters.errors import AchterbanError, NotFound
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.importing import DoesNotAddUp
from supporters.payments.bank.intake import take_in

KIND = "bank"
RECENT = 20
#: The figures of a statement that does not add up, in the order of a sum.
FIGURES = ("opening", "entered", "closing", "difference")


@dataclass
class Result:
    """What became of one file."""

    filename: str
    came: Came | None = None
    complaint: str = ""
    aside: Upload | None = None
    #: What a status report tells and nothing was done with, each with why.
    apart: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_bad(self) -> bool:
        return bool(self.complaint)


@bp.url_value_preprocessor
def allow_large(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A year of statements is larger than other uploads; only whoever may read it in can send so much."""
    if endpoint == f"{NAME}.bank_upload_send" and current_user.is_authenticated and may("bank.work"):
        request.max_content_length = limit()


def limit() -> int:
    return int(current_app.config["ADMIN_BANK_UPLOAD_LIMIT"])


def waiting() -> list[Upload]:
    """Files that do not add up, and wait for somebody to say whether they are taken all the same."""
    query = select(Upload).where(Upload.kind == KIND, Upload.removed_at.is_(None)).order_by(Upload.id)
    return list(session().scalars(query))


@bp.get("/bank/files")
@needs("money.see")
def bank_upload() -> ResponseReturnValue:
    return _page([])


@bp.post("/bank/files")
@needs("bank.work")
def bank_upload_send() -> ResponseReturnValue:
    """Some files at once; a script sends them one by one and takes only what became of each."""
    files = [each for each in request.files.getlist("files") if each.filename]
    results = [take(_plain(each.filename or ""), each.stream) for each in files]
    if request.headers.get("X-Requested-With") == "fetch":
        return render_template("achterban/bank_upload_result.html", results=results, figures=figures)
    return _page(results, _("Choose a file.") if not files else "")


def _page(results: list[Result], complaint: str = "") -> ResponseReturnValue:
    recent = session().scalars(select(BankFile).order_by(BankFile.id.desc()).limit(RECENT))
    page = render_template(
        "achterban/bank_upload.html", results=results, complaint=complaint, recent=list(recent), waiting=waiting(),
        figures=figures, limit=limit(),
    )  # fmt: skip
    return page, 422 if complaint or any(each.is_bad for each in results) else 200


def _plain(filename: str) -> str:
    return filename.replace("\\", "/").rsplit("/", 1)[-1][:255] or "bank"


def take(filename: str, stream: IO[bytes]) -> Result:
    """Read one file in, by itself: all of it, or nothing and why."""
    result = Result(filename)
    by, now = current_actor(), clock.now()
    try:
        with saving() as saved:
            outcome = take_in(saved, stream, filename, by=by, now=now, today=clock.today())
        forget_bank()
        file = session().get_one(BankFile, outcome.file_id)
        result.came = Came.of(file, outcome.known_since)
        if outcome.statuses is not None:
            result.apart = [(each.reference or worded(each.place), say(each.why)) for each in outcome.statuses.unknown]
    except DoesNotAddUp as error:
        told = {name: str(value) for name, value in error.params.items()}
        result.complaint = _(
            "Statement %(statement)s (%(place)s) does not add up: its lines do not lead to its closing balance.",
            statement=told["statement"], place=worded(told["place"]),
        )  # fmt: skip
        why = {"params": told}
        with saving() as saved:
            result.aside = Upload.keep(saved, KIND, filename, stream, why=why, by=by, now=now)
    except AchterbanError as error:
        result.complaint = say(error)
    return result


def figures(upload: Upload) -> dict[str, str]:
    """Opening, entries, closing and difference, written for the reader."""
    params = upload.result.get("params", {})
    return {name: worded(params[name]) for name in FIGURES if name in params}


# --- a file that does not add up -------------------------------------------------------------------------------


class AcceptForm(Form):
    reason = TextAreaField(
        lazy("Why it is taken though it does not add up"), [required(), at_most(500)], filters=[strip],
        render_kw={"rows": "3"}, description=lazy("For example: the bank confirmed that a line is missing."),
    )  # fmt: skip


def find(upload_id: int) -> Upload:
    upload: Upload = Upload.get(session(), upload_id)
    if upload.kind != KIND or upload.removed_at is not None:
        raise NotFound("This file does not wait any more.")
    return upload


@bp.get("/bank/files/aside/<int:upload_id>")
@needs("money.see")
def bank_aside(upload_id: int) -> ResponseReturnValue:
    upload = find(upload_id)
    return shown("bank_aside.html", form=AcceptForm(), upload=upload, figures=figures(upload))


@bp.post("/bank/files/aside/<int:upload_id>/accept")
@needs("money.accept", fresh=True)
def bank_aside_accept(upload_id: int) -> ResponseReturnValue:
    upload = find(upload_id)
    form = AcceptForm()
    if form.validate_on_submit():
        with saving(form) as saved, upload.opened(saved) as stream:
            outcome = take_in(
                saved, stream, upload.filename, by=current_actor(), now=clock.now(), today=clock.today(),
                accept=form.reason.data,
            )  # fmt: skip
            upload.imported_at = clock.now()
            upload.remove(saved, now=clock.now())
        if not form.refusal:
            forget_bank()
            flash(_("Read in, with the difference and your reason beside it."), "success")
            return redirect(to_file(outcome.file_id or 0))
    return shown("bank_aside.html", form=form, upload=find(upload_id), figures=figures(upload))


@bp.post("/bank/files/aside/<int:upload_id>/remove")
@needs("bank.work")
def bank_aside_remove(upload_id: int) -> ResponseReturnValue:
    upload = find(upload_id)
    with saving() as saved:
        upload.remove(saved, now=clock.now())
        audit.record(saved, current_actor(), "remove", upload, now=clock.now(), file=upload.filename)
    flash(_("The file was put away: nothing of it was read in."), "success")
    return redirect(url_for(f"{NAME}.bank_upload"))
