"""Bringing people, promises, mandates and gifts in from CSV files: all or nothing, or the good part on request.

>>> one = Import.open("supporters", path, mapping={"naam": "surname"})
>>> plan = one.check(session, on=today)
>>> one.apply(session, by=actor, now=now)
"""

from supporters.lifecycle.importing.columns import BadMapping, Field
from supporters.lifecycle.importing.plan import ImportRefused, Plan, Problem
from supporters.lifecycle.importing.reader import BadFile, Table
from supporters.lifecycle.importing.run import KINDS, Import, fields_of, suggest

__all__ = [
    "KINDS",
    "BadFile",
    "BadMapping",
    "Field",
    "Import",
    "ImportRefused",
    "Plan",
    "Problem",
    "Table",
    "fields_of",
    "suggest",
]
