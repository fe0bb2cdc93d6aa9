"""``achterban import``: supporters, commitments with their mandates, and gifts from CSV files."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from supporters.actor import Actor
from supporters.cli import extension, group
from supporters.errors import BadInput, Refused
from supporters.lifecycle.importing import KINDS, Import, ImportRefused, Plan, Table, fields_of
from supporters.lifecycle.importing.columns import ADDED
from supporters.lifecycle.importing.plan import LISTED

#: Mistakes that fit a terminal; the error file has them all.
SHOWN = 20

commands = group("import", help="Bring in supporters, commitments and gifts from CSV files.")


def _command(kind: str) -> None:
    fields = ", ".join(name for name, field in fields_of(kind).items() if not field.settable)
    settable = ", ".join(name for name, field in fields_of(kind).items() if field.settable)

    @commands.command(kind, help=f"Import {kind}. The fields are: {fields}; for the whole file: {settable}.")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--map", "mapped", multiple=True, metavar="COLUMN=FIELD", help="Which field a column is.")
    @click.option("--ignore", multiple=True, metavar="COLUMN", help="Leave a column out.")
    @click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="A value where the file has none.")
    @click.option("--dry-run", is_flag=True, help="Only say what would happen.")
    @click.option(
        "--good-part", is_flag=True, help="Import the rows without a mistake; the others go to the error file."
    )
    @click.option(
        "--errors", type=click.Path(dir_okay=False, path_type=Path), help="Where rows with a mistake are written."
    )
    def run(
        file: Path,
        mapped: tuple[str, ...],
        ignore: tuple[str, ...],
        given: tuple[str, ...],
        dry_run: bool,
        good_part: bool,
        errors: Path | None,
    ) -> None:
        if errors is None and good_part and not dry_run:
            errors = file.with_name(f"{file.stem}.errors.csv")
        if errors is not None and errors.exists() and errors.samefile(file):
            raise BadInput("The error file cannot be the file that is imported: choose another name.", field="errors")
        one = Import.open(
            kind,
            file,
            mapping=dict(_pairs(mapped, "--map", "COLUMN=FIELD")),
            ignore=ignore,
            settings=dict(_pairs(given, "--set", "FIELD=VALUE")),
        )
        with _rejects(errors) as rejects:
            _import(one, dry_run=dry_run, good_part=good_part, rejects=rejects)


for _kind in KINDS:
    _command(_kind)


def _import(one: Import, *, dry_run: bool, good_part: bool, rejects: _Rejects | None) -> None:
    app = extension()
    session, now, today = app.session, app.now(), app.today()
    by = Actor("import", one.table.name[:200], "command line")
    refused = False
    with _bar() as progress:
        try:
            if dry_run:
                plan = one.check(session, on=today, errors=rejects, progress=progress)
                session.rollback()
            else:
                plan = one.apply(
                    session, by=by, now=now, on=today, good_part=good_part, errors=rejects, progress=progress
                )
                session.commit()
        except ImportRefused as error:
            session.rollback()
            plan, refused = error.plan, True
    _report(plan)
    if rejects is not None and rejects.put_in_place():
        click.echo(f"The rows with a mistake are in {rejects.path}: correct them and import that file.", err=True)
    _sum_up(plan, dry_run=dry_run)
    if plan.failed and (refused or not good_part or not plan.ready + plan.known):
        sys.exit(2)


def _report(plan: Plan) -> None:
    for word, problems in (("warning", plan.warnings), ("error", plan.errors)):
        for problem in problems[:SHOWN]:
            click.echo(f"{word}: {problem}", err=True)
        if (more := len(problems) - SHOWN) > 0:
            click.echo(f"… and {'at least ' if len(problems) == LISTED else ''}{more} more of these.", err=True)


def _sum_up(plan: Plan, *, dry_run: bool) -> None:
    for note, count in plan.notes.items():
        click.echo(f"{count} × {note}.")
    done = plan.ready if plan.is_done or dry_run else 0
    verb = "can be imported" if dry_run else "imported" if plan.is_done else "imported (nothing was changed)"
    click.echo(
        f"{done} {plan.kind} {verb}, {plan.known} there already, {plan.warned} with a warning, "
        f"{plan.failed} with a mistake."
    )


def _pairs(given: tuple[str, ...], option: str, shape: str) -> Iterator[tuple[str, str]]:
    for one in given:
        # A column's name may hold an equals sign, a field's name never does.
        left, sign, right = one.rpartition("=") if option == "--map" else one.partition("=")
        if not sign or not left.strip():
            raise BadInput(
                "%(option)s is written as %(shape)s, not “%(given)s”.", option=option, shape=shape, given=one[:60]
            )
        yield left.strip(), right.strip()


class _Rejects:
    """The error file: made at its first row, beside its place, and put there when the import is over."""

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise BadInput("There is no folder %(folder)s to write in.", field="errors", folder=str(path.parent))
        if path.exists() and not _is_error_file(path):
            raise Refused(
                "%(path)s exists already and is another file; choose another name with --errors.",
                field="errors", path=str(path),
            )  # fmt: skip
        self.path = path
        self._part: Path | None = None
        self._file: IO[str] | None = None
        self._open = ExitStack()

    def write(self, text: str, /) -> object:
        if self._file is None:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".part", dir=self.path.parent)
            self._part = Path(name)
            # The mark at the beginning tells Excel that this is UTF-8.
            self._file = self._open.enter_context(os.fdopen(handle, "w", encoding="utf-8-sig", newline=""))
        return self._file.write(text)

    def put_in_place(self) -> bool:
        """Whether there were any rows with a mistake."""
        if self._file is None or self._part is None:
            return False
        self._open.close()
        self._part.replace(self.path)
        self._file = None
        return True

    def discard(self) -> None:
        if self._file is not None and self._part is not None:
            self._open.close()
            self._part.unlink(missing_ok=True)


def _is_error_file(path: Path) -> bool:
    try:
        return tuple(Table(path).columns[-len(ADDED) :]) == ADDED
    except (BadInput, OSError):
        return False


@contextmanager
def _rejects(path: Path | None) -> Iterator[_Rejects | None]:
    rejects = _Rejects(path) if path is not None else None
    try:
        yield rejects
    finally:
        if rejects is not None:
            rejects.discard()


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    ) as bar:  # fmt: skip
        tasks: dict[str, TaskID] = {}

        def progress(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task("Checking" if phase == "check" else "Writing", total=total)
            bar.update(tasks[phase], completed=done)

        yield progress
