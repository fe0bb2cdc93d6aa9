"""Uses the installed wheel as a site would; run outside the checkout: ``smoke.py WHEEL FILE_WITH_EXPECTED_NAMES``."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ACHTERBAN = Path(sys.executable).with_name("achterban")


def main(wheel: str, expected: str) -> None:
    nothing_is_missing(wheel, expected)
    public_names_import()
    a_fresh_database_upgrades()
    a_demo_can_be_reported_on()
    print("The wheel works.")


def nothing_is_missing(wheel: str, expected: str) -> None:
    """A file missing from the package list vanishes silently from the wheel, while an editable install still works."""
    wanted = set(Path(expected).read_text().split())
    with zipfile.ZipFile(wheel) as archive:
        missing = sorted(wanted - set(archive.namelist()))
    assert wanted, "there is nothing to compare the wheel with"
    assert not missing, f"not in the wheel: {', '.join(missing)}"


def public_names_import() -> None:
    import campaigns
    import supporters

    for package in (supporters, campaigns):
        where = Path(package.__file__).resolve()
        assert "site-packages" in where.parts, f"{where} is not the installed wheel"
        for name in getattr(package, "__all__", []):
            assert hasattr(package, name), f"{package.__name__}.{name} is promised but is not there"
    assert supporters.__all__


def a_fresh_database_upgrades() -> None:
    for expected in ("Upgraded", "up to date"):
        said = achterban("upgrade", database="fresh.sqlite")
        assert expected in said, said
    achterban("check", database="fresh.sqlite")


def a_demo_can_be_reported_on() -> None:
    achterban("demo", "--no-serve", database="demo.sqlite")
    figures = json.loads(achterban("report", "year", "2021", "--json", database="demo.sqlite"))
    assert figures, "the report of the demo year is empty"


def achterban(*arguments: str, database: str) -> str:
    settings = {"FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{Path(database).resolve()}"}
    done = subprocess.run([ACHTERBAN, *arguments], env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, f"achterban {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
