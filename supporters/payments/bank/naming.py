"""The name of a person as a bank writes it, beside the name we know. Pure.

A bank writes "HR A LOVELACE", "A. Lovelace e/o C. Babbage", "Lovelace A" or "FAM. VAN DEN BERG-JANSEN".
"""

from __future__ import annotations

import re
from typing import Protocol

from supporters.people import names
from supporters.people.folding import fold

_TITLES = frozenset({
    "hr", "dhr", "heer", "mw", "mevr", "mevrouw", "mej", "mejuffrouw", "fam", "familie", "drs", "dr", "ir", "ing", "mr",
    "mrs", "ms", "prof", "bsc", "msc", "ma", "phd", "jr", "sr", "cj", "mme", "herr", "frau",
})  # fmt: skip
_PREFIXES = frozenset({
    "van", "de", "den", "der", "het", "t", "te", "ten", "ter", "tot", "von", "in", "op", "aan", "bij", "onder", "over",
    "uit", "voor", "la", "le", "les", "du", "des", "di", "da", "do", "dos", "del", "vd", "v", "d", "l",
})  # fmt: skip
_LEGAL = frozenset({
    "bv", "nv", "vof", "stichting", "st", "vereniging", "ver", "holding", "beheer", "cv", "ev", "gmbh", "ltd", "inc",
    "the",
})  # fmt: skip
_NO_NAMES = _TITLES | _PREFIXES
_AND = re.compile(r"\s(?:e/o|eo|en/of|en|and|&|/)\s")
_INITIALS = re.compile(r"(?:[^\W\d_]{1,3}\.)+(?:[^\W\d_])?|[^\W\d_]")
_PIECES = re.compile(r"[^\W_]+")


class Named(Protocol):
    """Whoever has the parts of a name."""

    @property
    def kind(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def initials(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def surname(self) -> str: ...
    @property
    def organisation_name(self) -> str: ...


def agrees(told: str, person: Named) -> bool:
    """Whether the name that the bank told can be this person's: the surname is in it, and no initial speaks against it.

    It only ever confirms what an identifier said.
    """
    words = _PIECES.findall(fold(told))
    if not words:
        return False
    if person.kind == "organisation":
        own = _core(person.organisation_name)
        said = set(words) - _LEGAL
        return bool(own) and (own <= set(words) or (bool(said) and said <= own and len("".join(said)) > 3))
    called = person.surname or person.first_name
    surname = fold(f"{person.prefix} {called}" if person.prefix else called)
    there = set(words)
    if surname not in there and not any(
        part and part <= there for part in (set(_PIECES.findall(each)) - _PREFIXES for each in surname.split("-"))
    ):
        return False
    letters = {word[0] for word in _PIECES.findall(fold(f"{person.initials} {person.first_name}"))}
    of_surname = set(_PIECES.findall(surname))
    given = [word for word in words if len(word) == 1 or (word not in of_surname and word not in _NO_NAMES)]
    return not letters or not given or any(word[0] in letters for word in given)


def _core(name: str) -> set[str]:
    found = set(_PIECES.findall(fold(name).replace(".", "")))
    return found - _LEGAL or found


def words_of(told: str) -> list[str]:
    """The words of a name to look for: no titles, prefixes and initials."""
    words = _PIECES.findall(_AND.split(f" {fold(told)} ")[0])
    return [word for word in words if word not in _NO_NAMES and word not in _LEGAL and len(word) > 1]


def parts(told: str) -> names.Name:
    """The name as somebody may write it down: "HR A VAN DEN BERG" is A. van den Berg. A guess, for a form."""
    first = _AND.split(f" {' '.join(told.split())} ")[0].replace(",", " ")
    words = [word for word in first.split() if fold(word).strip(".") not in _TITLES]
    if len(words) < 2:
        return names.mend(names.Name(surname=" ".join(words)))
    given, rest = _readings([fold(word) for word in words])[0]
    kept = {fold(word): word for word in words}
    initials, surname = [kept[word] for word in given], [kept[word] for word in rest]
    if _INITIALS.fullmatch(given[0]):
        letters = "".join(f"{letter.upper()}." for word in initials for letter in word.replace(".", ""))
        return names.mend(names.Name(initials=letters, surname=" ".join(surname)))
    return names.mend(names.Name(first_name=" ".join(initials), surname=" ".join(surname)))


def sort_names(told: str) -> set[str]:
    """What `Supporter.sort_name` may be for this name, read from either side: "lovelace, a." and "lovelace, ada"."""
    first = _AND.split(f" {fold(told)} ")[0].replace(",", " ")
    words = [word for word in first.split() if word.strip(".") not in _TITLES]
    if not 1 < len(words) < 9:
        return {fold(told)[:320]} if words else set()
    found = {fold(told)[:320]}
    for given, rest in _readings(words):
        prefix, surname = names.split_surname(" ".join(rest))
        if not surname:
            continue
        letters = given[0].replace(".", "")
        if _INITIALS.fullmatch(given[0]):
            initials = "".join(f"{letter}." for word in given for letter in word.replace(".", ""))
            spoken = [names.Name(initials=initials), names.Name(initials=f"{letters[0]}.")]
        else:
            spoken = [names.Name(initials=f"{letters[0]}."), names.Name(first_name=given[0])]
        for name in spoken:
            full = names.Name(name.first_name, name.initials, prefix, surname)
            found.add(fold(names.sort_key(full))[:320])
    return found


def _readings(words: list[str]) -> list[tuple[list[str], list[str]]]:
    """(given names, surname with its prefix) as it may be meant."""
    leading = 0
    while leading < len(words) - 1 and _INITIALS.fullmatch(words[leading]) and words[leading] not in _PREFIXES - {"d"}:
        leading += 1
    if leading:
        return [(words[:leading], words[leading:])]
    found = [([words[0]], words[1:])]
    for place in range(1, len(words)):
        if _INITIALS.fullmatch(words[place]) and words[place] not in ("'t", "t"):
            end = place + 1
            while end < len(words) and _INITIALS.fullmatch(words[end]):
                end += 1
            # "berg j van den": the prefix may stand behind the initials.
            return [(words[place:end], words[end:] + words[:place])]
    return found
