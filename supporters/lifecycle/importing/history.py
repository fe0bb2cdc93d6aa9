"""What a migrated commitment has behind it: from the last collection elsewhere to the first one here."""

from __future__ import annotations

from datetime import date

from supporters.giving.months import INTERVALS, add_months
from supporters.lifecycle.importing.plan import Row

#: A collection further than this from any due date was of another schedule than the file tells of.
NEAR_DAYS = 15
#: Weekends, holidays and a late run explain so many days between a due date and its collection.
USUAL_DAYS = 6


def nearest_due(start_on: date, months: int, collected_on: date) -> int:
    """How many intervals after the start the due date lies that is nearest to a collection.

    Nearest, and not last before: what fell due on Sunday and was collected on Friday must not be collected again.
    """
    behind = (collected_on.year - start_on.year) * 12 + collected_on.month - start_on.month
    steps = range(max(behind // months - 1, 0), max(behind // months, 0) + 3)
    return min(steps, key=lambda step: abs((add_months(start_on, step * months) - collected_on).days))


def read_history(row: Row, on: date) -> None:
    """Put the number and due date of the next instalment in the row; the grid of due dates goes on as it was."""
    values = row.values
    months, start_on = INTERVALS[values["interval"]], values["start_on"]
    last_on, last_number = values["last_collected_on"], values["last_instalment_number"]
    values["next_number"], values["next_due_on"] = 1, start_on
    if last_on is None:
        if last_number:
            row.error(
                "last_collected_on", "This is empty, though %(number)s instalments were collected.", number=last_number
            )
        elif values["mandate_reference"] and start_on < on:
            row.warn(
                "start_on",
                "This began in the past and nothing was collected: if something was, fill in last_collected_on.",
            )
        return
    if months == 0:
        row.error("interval", "This is for one time and has been collected, so there is nothing left of it to import.")
        return
    steps = nearest_due(start_on, months, last_on)
    due_on = add_months(start_on, steps * months)
    said = {"last": last_on.isoformat(), "due": due_on.isoformat(), "start": start_on.isoformat()}
    if abs((due_on - last_on).days) > NEAR_DAYS:
        row.error(
            "last_collected_on",
            "%(last)s is not near a due date: with %(interval)s from %(start)s, the nearest is %(due)s. "
            "Correct one of them.",
            interval=values["interval"], **said,
        )  # fmt: skip
        return
    if abs((due_on - last_on).days) > USUAL_DAYS:
        row.warn("last_collected_on", "%(last)s is taken as the collection of what fell due on %(due)s.", **said)
    if last_number is not None and last_number > steps + 1:
        row.warn(
            "last_instalment_number",
            "From %(start)s there were %(found)s due dates up to then, and this says %(number)s.",
            found=steps + 1, number=last_number, **said,
        )  # fmt: skip
    values["next_number"] = (last_number or steps + 1) + 1
    values["next_due_on"] = add_months(start_on, (steps + 1) * months)
