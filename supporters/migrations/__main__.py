"""For developers: ``python -m supporters.migrations revision "Add the household's salutation"``.

Compares the models with a migrated, empty database and writes the difference as a new revision.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory
from sqlalchemy import create_engine

from supporters import migrations


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m supporters.migrations", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    revision = verbs.add_parser("revision", help="write a revision that brings the tables to where the models are")
    revision.add_argument("message", help="what changes for someone, as a sentence")
    revision.add_argument(
        "--branch", default="supporters", metavar="PACKAGE",
        help="whose tables: supporters (default), or a package that registers a location",
    )  # fmt: skip
    revision.add_argument("--empty", action="store_true", help="compare nothing; for a revision written by hand")
    revision.add_argument(
        "--database", metavar="URI", help="an empty database to compare with (default: a new SQLite file)"
    )
    given = parser.parse_args(arguments)

    # A package above refers to tables of the supporters.
    for package in dict.fromkeys(("supporters", given.branch)):
        import_all(package)
    with tempfile.TemporaryDirectory() as folder:
        uri = given.database or f"sqlite:///{Path(folder) / 'empty.sqlite'}"
        for script in write_revision(uri, given.message, branch=given.branch, empty=given.empty):
            print(script.path)
    return 0


def import_all(package: str) -> None:
    """Import every module of a package, so that no model and no location goes unnoticed."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not re.search(r"\.__main__$|\.migrations\.|\.conformance\b", module.name):  # the last needs pytest
            importlib.import_module(module.name)


def write_revision(uri: str, message: str, *, branch: str, empty: bool = False) -> list[Script]:
    """Migrate the database at ``uri``, compare it with the models and write the difference."""
    folder = migrations.locations[branch]
    folder.mkdir(parents=True, exist_ok=True)
    engine = create_engine(uri)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        config = migrations.config_for(connection, branch=branch)
        directory = ScriptDirectory.from_config(config)
        begun = any(branch in script.branch_labels for script in directory.walk_revisions())
        written = command.revision(
            config,
            message,
            autogenerate=not empty,
            head=f"{branch}@head" if begun else "base",
            branch_label=None if begun else branch,
            version_path=str(folder),
            splice=False,
        )
    engine.dispose()
    return [script for script in (written if isinstance(written, list) else [written]) if script]


if __name__ == "__main__":
    sys.exit(main())
