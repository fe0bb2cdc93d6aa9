"""Import: a file, the meaning of its columns, a preview, and then all of it or the good part."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from wtforms import RadioField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, saying
from admin.kit.forms import Form, chosen, saving, shown
from admin.labels import choices, label
from admin.uploads import Upload
from supporters import audit
from supporters.errors import AchterbanError, NotFound, Refused
from supporters.lifecycle.importing import KINDS, ImportRefused, Problem, Table, fields_of

RECENT = 20
SAMPLE = 3


class FileForm(Form):
    kind = RadioField(lazy("What is in the file"), [chosen()], choices=choices("import", KINDS), default=KINDS[0])
    file = FileField(
        lazy("The file"),
        [FileRequired(lazy("Choose a file."))],
        description=lazy("A CSV file, as a spreadsheet saves it: “CSV UTF-8”. Any separator and encoding will do."),
        render_kw={"accept": ".csv,.txt,text/csv"},
    )


def to_import(upload: Upload, step: str = "import_preview") -> str:
    return url_for(f"{NAME}.{step}", upload_id=upload.id)


def find(upload_id: int) -> Upload:
    upload: Upload = Upload.get(session(), upload_id)
    if upload.kind not in KINDS:
        raise NotFound("There is no file to import with this number.")
    return upload


@bp.route("/imports", methods=["GET", "POST"])
@needs("import.run")
def imports() -> ResponseReturnValue:
    form = FileForm()
    if form.validate_on_submit():
        name = (form.file.data.filename or "import.csv").replace("\\", "/").rsplit("/", 1)[-1]
        with saving(form, {"": "file"}) as saved:
            upload = Upload.receive(
                saved, form.kind.data, name, form.file.data.stream, by=current_actor(), now=clock.now()
            )
        if not form.refusal:
            return redirect(to_import(upload, "import_columns"))
    recent = session().scalars(select(Upload).where(Upload.kind.in_(KINDS)).order_by(Upload.id.desc()).limit(RECENT))
    return shown("imports.html", form=form, recent=list(recent))


@bp.route("/imports/<int:upload_id>/columns", methods=["GET", "POST"])
@needs("import.run")
def import_columns(upload_id: int) -> ResponseReturnValue:
    """Which column is which field; what the names say by themselves is filled in."""
    upload = find(upload_id)
    known = fields_of(upload.kind)
    error: AchterbanError | None = None
    columns = upload.columns or upload.result.get("proposed", {})
    settings = upload.settings
    with upload.opened(session()) as file:
        table = Table(file, name=upload.filename)
        sample = [cells for _line, cells in _first(table.rows(), SAMPLE)]
        at = {column: index for index, column in enumerate(table.columns)}
        if request.method == "POST":
            columns = {
                column: value if (value := request.form.get(f"column-{index}", "")) in known else ""
                for column, index in at.items()
                if column
            }
            settings = {
                name: value.strip()[:200]
                for name, one in known.items()
                if one.settable and (value := request.form.get(f"set-{name}", ""))
            }
            try:
                with saving() as saved:
                    upload.columns, upload.settings = columns, settings
                    upload.as_import(file)
                    saved.flush()
                return redirect(to_import(upload))
            except AchterbanError as refused:
                error = refused
    page = render_template(
        "achterban/import_columns.html",
        upload=upload,
        columns=columns,
        settings=settings,
        known=known,
        at=at,
        sample=sample,
        error=error,
        field_label=field_label,
    )
    return page, 422 if error else 200


def _first(rows: Any, most: int) -> list[Any]:
    """The first rows for a sample; a mistake further down is the preview's to tell."""
    found = []
    try:
        for row in rows:
            found.append(row)
            if len(found) == most:
                break
    except AchterbanError:
        pass
    return found


def field_label(name: str) -> str:
    return label("import_field", name)


@bp.get("/imports/<int:upload_id>")
@needs("import.run")
def import_preview(upload_id: int) -> ResponseReturnValue:
    """What would happen; looking changes nothing."""
    upload = find(upload_id)
    if upload.imported_at or upload.removed_at:
        return render_template("achterban/import_done.html", upload=upload)
    if not upload.columns:
        return redirect(to_import(upload, "import_columns"))
    with upload.opened(session()) as file:
        plan = upload.as_import(file).check(session(), on=clock.today())
    return render_template(
        "achterban/import_preview.html", upload=upload, plan=plan, told=told, field_label=field_label
    )


def told(problem: Problem) -> str:
    return saying(problem.template, problem.params)


@bp.get("/imports/<int:upload_id>/errors")
@needs("import.run")
def import_errors(upload_id: int) -> ResponseReturnValue:
    """The rows with a mistake, with what is wrong, to be corrected and imported again."""
    upload = find(upload_id)
    out = io.StringIO(newline="")
    with upload.opened(session()) as file:
        upload.as_import(file).check(session(), on=clock.today(), errors=out)
    name = f"errors-{upload.id}.csv"
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@bp.post("/imports/<int:upload_id>/apply")
@needs("import.run")
def import_apply(upload_id: int) -> ResponseReturnValue:
    upload = find(upload_id)
    good_part = request.form.get("part") == "good"
    if upload.imported_at and upload.removed_at:
        raise Refused("This file was imported already.")
    try:
        with saving() as saved, upload.opened(saved) as file:
            plan = upload.as_import(file).apply(
                saved, by=current_actor(), now=clock.now(), on=clock.today(), good_part=good_part
            )
            upload.imported_at = clock.now()
            upload.result = {"rows": plan.rows, "imported": plan.ready, "known": plan.known, "failed": plan.failed}
            if plan.is_good:
                upload.remove(saved, now=clock.now())
    except ImportRefused:
        flash(
            _("Nothing was imported: there are rows with a mistake. Import the good part, or mend the file."), "error"
        )
        return redirect(to_import(upload))
    flash(_("Imported."), "success")
    return redirect(to_import(upload))


@bp.post("/imports/<int:upload_id>/remove")
@needs("import.run")
def import_remove(upload_id: int) -> ResponseReturnValue:
    upload = find(upload_id)
    with saving() as saved:
        upload.remove(saved, now=clock.now())
        audit.record(saved, current_actor(), "remove", upload, now=clock.now(), file=upload.filename)
    flash(_("The content of the file was removed."), "success")
    return redirect(url_for(f"{NAME}.imports"))
