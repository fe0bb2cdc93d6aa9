"""Tasks: what a person has to do, in the order in which it presses."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, saying
from admin.kit.forms import Form, saving, shown, text
from admin.kit.lists import Column, Filter, listing
from admin.pages.people import to_supporter
from supporters import Supporter, Task
from supporters.db import Base


def title(task: Task) -> str:
    return saying(task.text, task.params)


def _badge(task: Task) -> tuple[str, str] | None:
    if task.done_at:
        return (_("Done"), "good")
    if task.due_on and task.due_on < clock.today():
        return (_("Late"), "bad")
    return None


TASKS = listing(
    endpoint="tasks",
    title=lazy("Tasks"),
    query=lambda: select(Task),
    key=Task.id,
    permission="tasks.see",
    default_sort="due",
    empty=lazy("Nothing to do. Well done."),
    columns=(
        Column("what", lazy("What"), title, link=lambda t: url_for(f"{NAME}.task_page", task_id=t.id)),
        Column(
            "due",
            lazy("Before"),
            lambda t: t.due_on,
            "date",
            sort=func.coalesce(Task.due_on, Task.not_before_on, func.date(Task.raised_at)),
        ),
        Column("raised", lazy("Raised"), lambda t: t.raised_at, "moment", sort=Task.raised_at),
        Column("state", lazy("State"), _badge, "badge"),
    ),
    filters=(
        Filter(
            "state",
            lazy("State"),
            lambda q, v: (
                q.where(Task.done_at.is_not(None))
                if v == "done"
                else q.where(
                    Task.done_at.is_(None), or_(Task.not_before_on.is_(None), Task.not_before_on <= clock.today())
                )
                if v == "open"
                else q.where(Task.done_at.is_(None), Task.not_before_on > clock.today())
            ),
            choices=lambda: [("open", _("To do")), ("later", _("Later")), ("done", _("Done"))],
            default="open",
        ),
    ),
)


@bp.get("/tasks")
@needs("tasks.see")
def tasks() -> ResponseReturnValue:
    return render_template("achterban/list.html", page=TASKS.page(session(), request.args))


class DoneForm(Form):
    outcome = text(lazy("What came of it"), length=500)


@bp.route("/tasks/<int:task_id>", methods=["GET", "POST"])
@needs("tasks.see")
def task_page(task_id: int) -> ResponseReturnValue:
    task: Task = Task.get(session(), task_id)
    person: Base | None = session().get(Supporter, task.supporter_id) if task.supporter_id else None
    return render_template("achterban/task.html", task=task, person=person, form=DoneForm())


@bp.post("/tasks/<int:task_id>/done")
@needs("tasks.do")
def task_done(task_id: int) -> ResponseReturnValue:
    task: Task = Task.get(session(), task_id)
    form = DoneForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            task.finish(saved, form.outcome.data or "", by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Done."), "success")
            return redirect(to_supporter(task.supporter_id) if task.supporter_id else url_for(f"{NAME}.tasks"))
    return shown("task.html", form=form, task=task, person=None)
