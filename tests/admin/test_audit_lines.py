"""Whatever the code writes into the audit log has a sentence for people, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

import pytest
from flask import Flask
from flask_babel import force_locale

from admin.audit_lines import SENTENCES, describe, sentence
from admin.kit.lists import listings
from supporters import AuditEntry
from supporters.db import Base
from supporters.lifecycle.importing import KINDS as IMPORTS
from supporters.people.contact import KINDS as CONTACTS
from tests.modules import sources, tables

#: What only the running program knows, by where it stands: the values it can have.
KNOWN_LATER: dict[tuple[str, str], Iterable[str]] = {
    ("campaigns.petitions.network", "kind"): ("allow", "block"),
    ("campaigns.edition", "verb"): ("launch", "pause", "resume", "end", "settle", "report"),
    ("campaigns.crowdfunding.page", "page"): ("fundraising_page",),
    ("campaigns.crowdfunding.wall", "verb"): ("show", "redact", "refuse", "take_off", "reconsider"),
    ("supporters.people.contact", "kind"): CONTACTS,
    ("supporters.people.supporter", "point.kind"): CONTACTS,
    ("supporters.lifecycle.importing.run", "self.kind"): IMPORTS,
    ("admin.pages.users", "what.replace('-', '_')"): ("close", "open", "forget_second_step"),
    ("admin.pages.exporting", "what"): ("supporters", "gifts"),  # any list; see the test of the lists
    ("admin.pages.account", "current_user._get_current_object()"): ("user",),
    ("admin.security", "user"): ("user",),
    ("admin.pages.online_payment_acts", "online"): ("online_payment",),
    ("admin.pages.online_payment_acts", "news"): ("notification",),
    ("supporters.payments.online.dunning", "online.payment"): ("payment",),
    ("supporters.payments.bank.importing", "self.row"): ("bank_statement",),
    ("supporters.giving.holding", "each"): ("commitment",),
    ("supporters.payments.returns.acting", "case.row"): ("returned",),
    ("supporters.payments.returns.acting", "case.commitment"): ("commitment",),
    ("supporters.payments.taking_back", "payment"): ("payment",),
    ("supporters.payments.taking_back", "gift"): ("gift",),
}


class Unknown(Exception):
    """The walk cannot tell what this is."""


@cache
def nouns() -> dict[str, str]:
    """Class → its noun in the log."""
    tables()
    return {m.class_.__name__: m.class_.__tablename__.split("_", 1)[1] for m in Base.registry.mappers}


class Walk:
    """One module: every call of ``audit.record`` and ``audit.line_of`` in it, with the verbs and nouns it can write."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.tree = module, ast.parse(source)
        self.above = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def written(self) -> Iterator[tuple[int, str, str]]:
        for call in ast.walk(self.tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit.line_of":
                for verb in self.words(call.args[1]):
                    for noun in self.subjects(call.args[2]):
                        yield call.lineno, verb, noun
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("audit.record", "record"):
                if ast.unparse(call.func) == "record" and self.module != "supporters.audit":
                    raise Unknown(f"{self.module}:{call.lineno}: call it audit.record, so that this test sees it")
                for verb in self.words(call.args[2]):
                    for noun in self.subjects(call.args[3]):
                        yield call.lineno, verb, noun

    def words(self, node: ast.expr) -> list[str]:
        """The texts an expression can be."""
        if (self.module, ast.unparse(node)) in KNOWN_LATER:
            return list(KNOWN_LATER[self.module, ast.unparse(node)])
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return self.words(node.body) + self.words(node.orelse)
        if isinstance(node, ast.JoinedStr):
            found = [""]
            for part in node.values:
                value = part.value if isinstance(part, ast.FormattedValue) else part
                found = [begun + word for begun in found for word in self.words(value)]
            return found
        if isinstance(node, ast.Name):
            return self.words_of_name(node)
        raise Unknown(f"{self.module}:{node.lineno}: say in KNOWN_LATER what {ast.unparse(node)} can be")

    def words_of_name(self, node: ast.Name) -> list[str]:
        function = self.around(node, ast.FunctionDef)
        arguments = [*function.args.args, *function.args.kwonlyargs] if function else []
        names = [argument.arg for argument in arguments]
        if function and node.id in names:  # Whatever this module calls it with.
            at = names.index(node.id)
            calls = [
                call
                for call in ast.walk(self.tree)
                if isinstance(call, ast.Call) and ast.unparse(call.func) == function.name and len(call.args) > at
            ]
            if calls:
                return [word for call in calls for word in self.words(call.args[at])]
        else:
            for scope in (function, self.tree):
                if scope is not None and (values := list(self.assigned(scope, node.id))):
                    return [word for value in values for word in self.words(value)]
        raise Unknown(f"{self.module}:{node.lineno}: say in KNOWN_LATER what {node.id} can be")

    def subjects(self, node: ast.expr) -> list[str]:
        """The nouns of the rows, or the bare nouns, that an expression can be."""
        if (self.module, ast.unparse(node)) not in KNOWN_LATER and isinstance(node, ast.Name):
            name, function = node.id, self.around(node, ast.FunctionDef)
            if name == "self":
                return [self.noun("cls", node)]
            for argument in [*function.args.args, *function.args.kwonlyargs] if function else []:
                noun = ast.unparse(argument.annotation) if argument.annotation else "str"
                if argument.arg == name and noun != "str":
                    return [self.noun(noun, node)]
            for each in ast.walk(function) if function else []:
                if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == name:
                    return [self.noun(ast.unparse(each.annotation), node)]
            values = list(self.assigned(function, name)) if function else []
            if made := {self.noun(kind, node) for value in values for kind in self.made_by(value)}:
                return sorted(made)
        return self.words(node)

    def made_by(self, value: ast.expr) -> set[str]:
        """The classes whose row ``Fund.open(…)``, ``cls(…)``, ``find(key)`` or ``get(Fund, key) or Fund(…)`` can be."""
        named = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
        named |= {kind for name in named for kind in self.returned_by(name)}
        return {name for name in named if name == "cls" or name in nouns()}

    def returned_by(self, name: str) -> list[str]:
        """What a function of this module, or one that it imports from another of ours, says that it returns."""
        for each in self.tree.body:
            if isinstance(each, ast.FunctionDef) and each.name == name and each.returns is not None:
                return ast.unparse(each.returns).split(" | ")
            if isinstance(each, ast.ImportFrom) and each.module in sources():
                for alias in each.names:
                    if name == (alias.asname or alias.name) and f"{each.module}.{alias.name}" not in sources():
                        return Walk(each.module, sources()[each.module].read_text()).returned_by(alias.name)
        return []

    def noun(self, name: str, node: ast.AST) -> str:
        if name in ("cls", "Self"):
            around = self.around(node, ast.ClassDef)
            name = around.name if around else name
        if name not in nouns():
            raise Unknown(f"{self.module}:{node.lineno}: {name} is no row")  # type: ignore[attr-defined]
        return nouns()[name]

    @staticmethod
    def assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
        for each in ast.walk(scope):
            if isinstance(each, ast.Assign) and name in [ast.unparse(target) for target in each.targets]:
                yield each.value

    def around(self, node: ast.AST, kind: type) -> ast.AST | None:
        while node in self.above and not isinstance(node := self.above[node], kind):
            pass
        return node if isinstance(node, kind) else None


def all_written() -> list[tuple[str, str, str]]:
    found = []
    for module, path in sources().items():
        if "audit" in (source := path.read_text()):
            found += [(f"{module}:{line}", verb, noun) for line, verb, noun in Walk(module, source).written()]
    return found


def test_the_walk_sees_every_kind_of_call() -> None:
    source = """
from supporters import audit
VERB = "made"
def decide(session, verb, publication: Publication): audit.record(session, by, verb, publication, now=now)
def one(session, wide): decide(session, "approve" if wide else "redact", row)
class Fund(Base):
    def open(cls): fund = cls(); audit.record(session, by, VERB, fund, now=now)
    def close(self):
        locked = Fund.get(session, self.id)
        audit.record(session, by, f"close_{'x' if wide else 'y'}", locked, now=now)
        audit.record(session, by, "bare", "financial_year", now=now)
"""
    assert {(verb, noun) for _, verb, noun in Walk("here", source).written()} == {
        ("approve", "publication"), ("redact", "publication"), ("made", "fund"), ("close_x", "fund"),
        ("close_y", "fund"), ("bare", "financial_year"),
    }  # fmt: skip
    with pytest.raises(Unknown, match="KNOWN_LATER what verb can be"):
        list(Walk("here", "def f(verb): audit.record(session, by, verb, 'fund', now=now)").written())
    with pytest.raises(Unknown, match="KNOWN_LATER what row can be"):
        list(Walk("here", "def f(): audit.record(session, by, 'see', row, now=now)").written())


def test_every_action_has_its_sentence_in_both_languages(admin_app: Flask) -> None:
    written = all_written()
    assert len(written) > 80
    with admin_app.test_request_context():
        lacking = [(where, verb, noun) for where, verb, noun in written if sentence(verb, noun) is None]
        assert lacking == [], "write them in admin/audit_lines.py, and their Dutch with python -m admin.catalogue"
        english = {(verb, noun): sentence(verb, noun) for _, verb, noun in written}
        with force_locale("nl"):
            same = [pair for pair, said in english.items() if sentence(*pair) == said]
    assert same == []


def test_no_sentence_is_about_what_nobody_does(admin_app: Flask) -> None:
    done = {(verb, noun) for _, verb, noun in all_written()}
    assert set(SENTENCES) - done == set()


def test_every_list_that_goes_out_is_named_as_on_its_screen(admin_app: Flask) -> None:
    with admin_app.test_request_context():
        for name, listing in listings.items():
            assert sentence("export", name) == f"List exported: {listing.title}"
        assert sentence("export", "something_else") is None


def test_what_nobody_wrote_a_sentence_for_is_shown_in_the_words_of_the_table(admin_app: Flask) -> None:
    with admin_app.test_request_context():
        assert describe(AuditEntry(verb="send_off", subject="rocket_ship")) == "rocket ship send off"
