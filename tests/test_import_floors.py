"""Nothing imports, or has a foreign key, upward; and Flask stays where requests and commands are."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from tests.modules import home_of, imported_by, sources, tables

GROUND = (
    "db",
    "money",
    "errors",
    "sealing",
    "actor",
    "audit",
    "documents",
    "formats",
    "tasks",
    "bulk",
    "hooks",
    "registry",
    "links",
    "network",
    "settings",
    "spreadsheet",
)

#: Lowest first; what stands in one tuple is one floor. A name covers its submodules.
FLOORS = [
    tuple(f"supporters.{name}" for name in GROUND),
    ("supporters.migrations",),
    ("supporters.people",),
    ("supporters.mail",),
    ("supporters.giving",),
    ("supporters.payments",),
    ("supporters.bequests",),
    ("supporters.lifecycle",),
    ("supporters.reports",),
    ("supporters.web", "supporters.cli", "supporters.extension"),
    ("supporters", "supporters.public"),  # the list of public names
    ("campaigns",),
    ("admin",),
]
WITH_FLASK = tuple(
    f"{package}.{name}" for package in ("supporters", "campaigns") for name in ("web", "cli", "extension")
)


def covers(name: str, module: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def floor_of(module: str) -> int:
    for number, names in enumerate(FLOORS):
        if any(module == name if name == "supporters" else covers(name, module) for name in names):
            return number
    raise AssertionError(f"{module} stands on no floor: the house of the design has no place for it yet")


def upward(source: str, module: str, *, is_package: bool = False) -> list[str]:
    own = floor_of(module)
    ours = (name for name in imported_by(source, module, is_package=is_package) if covers_any(name))
    return [name for name in ours if floor_of(name) > own]


def covers_any(module: str) -> bool:
    return any(covers(package, module) for package in ("supporters", "campaigns", "admin"))


def flask_in(source: str, module: str) -> list[str]:
    if (
        covers("admin", module)
        or module in ("supporters", "supporters.public")
        or any(covers(name, module) for name in WITH_FLASK)
    ):
        return []
    return [name for name in imported_by(source, module) if name.split(".")[0].startswith("flask")]


def upward_keys(metadata: MetaData) -> list[str]:
    found = []
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            target = key.target_fullname.rsplit(".", 1)[0]
            if floor_of_table(target) > floor_of_table(table.name):
                found.append(f"{table.name}.{key.parent.name} → {key.target_fullname}")
    return found


def floor_of_table(name: str) -> int:
    # A table without a class belongs to its package as a whole, and supporters has no such tables.
    home = home_of(name)
    assert home or not name.startswith("supporters_"), f"{name} has no class, so nothing says on which floor it stands"
    return floor_of(home or name.split("_")[0])


@pytest.mark.parametrize("module", sources())
def test_a_module_imports_nothing_from_above(module: str) -> None:
    path = sources()[module]
    assert upward(path.read_text(), module, is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize("module", sources())
def test_flask_appears_only_where_requests_and_commands_are(module: str) -> None:
    assert flask_in(sources()[module].read_text(), module) == []


def test_no_foreign_key_points_upward() -> None:
    assert upward_keys(tables()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("supporters.people.supporter", "from supporters.giving.gift import Gift"),
        ("supporters.people.supporter", "from supporters.giving import gift"),
        ("supporters.people.supporter", "from ..giving import gift"),
        ("supporters.people.supporter", "def late():\n    import supporters.payments.sepa.batch"),
        ("supporters.people.supporter", "from supporters import Gift"),
        ("supporters.audit", "from supporters.people.supporter import Supporter"),
        ("supporters.reports.year", "from campaigns import Petition"),
        ("supporters.extension", "import admin"),
        ("campaigns.campaign", "from admin.app import create_app"),
    ],
)
def test_an_import_from_above_is_noticed(module: str, line: str) -> None:
    assert upward(line, module)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("supporters.giving.gift", "from supporters import audit"),
        ("supporters.giving.gift", "from .fund import Fund"),
        ("supporters.giving.gift", "from ..people import supporter"),
        ("campaigns.campaign", "from supporters import Gift"),
        ("admin.app", "from campaigns import Petition"),
        ("supporters.db", "import supporters_of_another_house"),
    ],
)
def test_an_import_from_below_is_not(module: str, line: str) -> None:
    assert not upward(line, module)


def test_flask_in_a_model_is_noticed() -> None:
    assert flask_in("from flask_babel import gettext", "supporters.giving.gift") == ["flask_babel"]
    assert flask_in("import flask", "supporters.web.api") == []


def test_a_foreign_key_upward_is_noticed() -> None:
    metadata = MetaData()
    Table("campaigns_thing", metadata, Column("id", Integer, primary_key=True))
    Table("supporters_document", metadata, Column("thing_id", ForeignKey("campaigns_thing.id")))
    assert upward_keys(metadata) == ["supporters_document.thing_id → campaigns_thing.id"]
