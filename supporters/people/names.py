"""Dutch names: initials, prefixes (tussenvoegsels), capitals, sorting, salutations. Pure; no sex is ever guessed.

Capitals after the Taalunie: "J. van den Berg", but "de heer Van den Berg"; sorting on the core word, as in the
Netherlands. The official spelling wins (El Hamdaoui, McDonald): nothing here changes what somebody typed, except
:func:`mend_capitals`, which an import offers for names in capitals only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

#: Prefixes that are split off however they are capitalised.
_DUTCH = frozenset({
    "van", "de", "den", "der", "het", "'t", "te", "ten", "ter", "tot", "von", "van de", "van den", "van der", "van het",
    "van 't", "van te", "van ten", "van ter", "van in 't", "van op 't", "von der", "von den", "von dem", "de la",
    "in de", "in den", "in der", "in het", "in 't", "op de", "op den", "op der", "op het", "op 't", "op ten", "op ter",
    "aan", "aan de", "aan den", "aan der", "aan het", "aan 't", "bij de", "bij den", "bij het", "bij 't", "onder de",
    "onder den", "onder het", "onder 't", "over de", "over den", "over het", "over 't", "uit de", "uit den", "uit het",
    "uit 't", "uit ten", "uijt de", "uijt den", "uijt 't", "voor de", "voor den", "voor 't", "achter de", "achter den",
    "boven de", "buiten de", "v.d.", "v.d", "v/d", "vd", "v.",
})  # fmt: skip
#: Prefixes elsewhere: part of the surname (Le Pen, Dos Santos), unless somebody wrote them in lower case.
_FOREIGN = frozenset({
    "la", "le", "les", "du", "des", "di", "da", "do", "dos", "das", "del", "della", "dello", "dei", "degli", "af", "av",
    "zu", "zum", "zur", "vom", "von und zu", "am", "im", "y",
})  # fmt: skip
_LONGEST = 3  # words

_APOSTROPHES = re.compile("[’‘ʼ`´]")
_ELIDED = re.compile(r"([dl]')(?=[^\W\d_])")

#: Initials of more than one letter that people write without a dot.
_LONG_INITIALS = frozenset({
    "Th", "Ch", "Chr", "Ph", "Phs", "Fr", "Tj", "Sj", "Kl", "Joh", "Jac", "Jos", "Wm", "St", "Cl", "Aug",
})  # fmt: skip
_VOWEL = re.compile("[aeiouyáéíóúàèëïöü]", re.IGNORECASE)
_LONGEST_INITIALS = 40


@dataclass(frozen=True, slots=True)
class Name:
    first_name: str = ""
    initials: str = ""
    prefix: str = ""  # "van den"
    surname: str = ""  # without the prefix


# -- taking apart ---------------------------------------------------------------------------------------------------


def normalise_initials(text: str) -> str:
    """ "jp" becomes "J.P.", "Th.M." and "J.-P." stay; what looks like a first name is left as it was typed."""
    typed = " ".join(text.split())
    made = _dotted(typed)
    # In scripts without capitals the dots would be read otherwise the next time: those are left alone.
    return made if len(made) <= _LONGEST_INITIALS and _dotted(made) == made else typed


def _dotted(typed: str) -> str:
    if not re.fullmatch(r"[^\W\d_]+(?:[ .\-]+[^\W\d_]+)*[ .]*", typed):
        return typed
    made = ""
    for hyphen, word, dot in re.findall(r"(-?)[ .]*([^\W\d_]+) ?(\.?)", typed):
        parts = _initials_of(word, dotted=bool(dot))
        if parts is None:
            return typed
        made += hyphen + "".join(f"{part}." for part in parts)
    return made


def _initials_of(word: str, *, dotted: bool) -> list[str] | None:
    """The initials that one written word stands for; None where it is a name."""
    if len(word) == 1:
        return [_upper(word)]
    if word.upper() == "IJ" and (dotted or word != word.lower()):
        return ["IJ"]
    if word in _LONG_INITIALS or (dotted and word.capitalize() in _LONG_INITIALS and not word.isupper()):
        return [word[0].upper() + word[1:]]
    if word.isupper() or word.islower():
        return None if len(word) > 5 and not dotted else [_upper(letter) for letter in word]
    starts = [at for at, letter in enumerate(word) if not letter.islower()]
    if len(starts) > 1 and starts[0] == 0:
        return [word[at:end] for at, end in zip(starts, [*starts[1:], len(word)], strict=True)]
    if dotted and len(word) <= 3:
        return [word]
    return None if _VOWEL.search(word) else [_upper(letter) for letter in word]


def _upper(letter: str) -> str:
    """Its capital; a letter whose capital is two letters (ß) stays as it is."""
    capital = letter.upper()
    return capital if len(capital) == 1 else letter


def split_surname(text: str) -> tuple[str, str]:
    """("van den", "Berg") from "van den Berg", "Van den Berg" or "VAN DEN BERG"; prefixes come back in lower case.

    Only a known prefix with a name behind it is split off. A Belgian name keeps its capital prefix (De Wever): do not
    split those.
    """
    words = _APOSTROPHES.sub("'", text).split()
    for count in range(min(_LONGEST, len(words) - 1), 0, -1):
        written = " ".join(words[:count])
        if written.lower() in _DUTCH or written in _FOREIGN:
            rest = " ".join(words[count:])
            if (elided := _ELIDED.match(rest)) and count < _LONGEST:
                return f"{written.lower()} {elided[1]}", rest[2:]
            return written.lower(), rest
    whole = " ".join(words)
    if elided := _ELIDED.match(whole):
        return elided[1], whole[2:]
    return "", whole


def is_prefix(text: str) -> bool:
    """Whether this is a Dutch prefix, written in lower case."""
    return text in _DUTCH


def mend_capitals(text: str) -> str:
    """ "JANSEN-DE VRIES" and "jansen-de vries" become "Jansen-de Vries"; a name in mixed case is returned as it is.

    A guess, for imports to offer: only the bearer knows how the name is spelled.
    """
    letters = [c for c in text if c.isalpha()]
    if len(letters) < 2 or not (text.isupper() or text.islower()):
        return text
    made = []
    for number, part in enumerate(re.split(r"(-)", text)):
        prefix, core = split_surname(part) if number else ("", part)
        core = re.sub(r"['’]?[^\W\d_]+(?:['’][^\W\d_]+)*", lambda word: _capital(word.group()), core)
        made.append(_joined(prefix, core))
    return "".join(made)


def _capital(word: str) -> str:
    lower = word.lower()
    if lower[0] in "'’":
        return lower if len(lower) == 2 else lower[0] + _capital(lower[1:])
    if lower.startswith("ij"):
        return "IJ" + lower[2:]
    if found := re.fullmatch(r"(mc|[od]['’])([^\W\d_].*)", lower):
        return found[1].capitalize() + found[2].capitalize()
    return lower[:1].upper() + lower[1:]


def mend(name: Name) -> Name:
    """What an import suggests: the prefix split off, capitals mended, initials with dots."""
    prefix, surname = name.prefix, name.surname
    if not prefix:
        prefix, surname = split_surname(surname)
    elif surname.lower().startswith(f"{prefix.lower()} "):
        surname = surname[len(prefix) + 1 :].strip()
    if prefix.isupper():
        prefix = prefix.lower()
    return replace(
        name,
        first_name=mend_capitals(name.first_name),
        initials=normalise_initials(name.initials),
        prefix=" ".join(_APOSTROPHES.sub("'", prefix).split()),
        surname=mend_capitals(surname),
    )


# -- putting together -----------------------------------------------------------------------------------------------


def _joined(*parts: str) -> str:
    """Parts with a space between them, except after the apostrophe of d' and l'."""
    whole = ""
    for part in filter(None, parts):
        whole += part if not whole or whole.endswith("'") else f" {part}"
    return whole


def family_name(name: Name) -> str:
    """With the prefix as it stands after a first name or initials: "van den Berg"."""
    return _joined(name.prefix, name.surname)


def bare_family_name(name: Name) -> str:
    """With the prefix as it stands where no name or initials precede: "Van den Berg", "D'Ancona", but "'t Hart"."""
    prefix = name.prefix
    if prefix and not prefix.startswith("'"):
        prefix = prefix[0].upper() + prefix[1:]
    return _joined(prefix, name.surname)


def full_name(name: Name) -> str:
    """ "Ada van den Berg"; with initials where no first name is known."""
    given = name.first_name or name.initials
    return _joined(given, family_name(name)) if given else bare_family_name(name)


def formal_name(name: Name) -> str:
    """As on an envelope: "A. van den Berg"; with the first name where no initials are known."""
    given = name.initials or name.first_name
    return _joined(given, family_name(name)) if given else bare_family_name(name)


def sort_key(name: Name) -> str:
    """On the core word: "Berg, J. van den"."""
    prefix, core = name.prefix, name.surname
    if (not prefix and core[:1].islower()) or core[:1] in ("'", "’"):
        found, core = split_surname(core)
        prefix = _joined(prefix, found)
    given = name.initials or name.first_name
    if not core:
        return given
    rest = _joined(given, prefix)
    return f"{core}, {rest}" if rest else core


# -- greeting -------------------------------------------------------------------------------------------------------

_TITLES = {"nl": {"mr": "heer", "ms": "mevrouw"}, "en": {"mr": "Mr", "ms": "Ms"}}


def salutation(language: str, name: Name, form_of_address: str | None = None) -> str:
    """The opening of a letter. ``form_of_address`` is "mr" or "ms" where they told us; it is never guessed."""
    dutch = language == "nl"
    title = _TITLES["nl" if dutch else "en"].get(form_of_address or "")
    if title and name.surname:
        return f"{'Geachte' if dutch else 'Dear'} {title} {bare_family_name(name)}"
    if name.first_name:
        return f"Beste {full_name(name)}" if dutch else f"Dear {name.first_name}"
    if name.initials:
        return f"{'Geachte' if dutch else 'Dear'} {formal_name(name)}"
    if name.surname:
        return f"{'Geachte heer of mevrouw' if dutch else 'Dear Mr or Ms'} {bare_family_name(name)}"
    return "Goedendag" if dutch else "Hello"


def organisation_salutation(language: str, name: str) -> str:
    """The opening of a letter to whoever reads it there."""
    return f"Beste mensen van {name}" if language == "nl" else f"Dear all at {name}"


def household_salutation(language: str, people: Sequence[tuple[Name, str | None]]) -> str:
    """The opening of one letter to people who share an address; each is a name and a form of address or None.

    Two of one family whose forms are known are "Geachte heer en mevrouw Van den Berg"; else first names, where all
    are known.
    """
    if len(people) < 2:
        return salutation(language, *people[0]) if people else salutation(language, Name())
    dutch = language == "nl"
    titles = [_TITLES["nl" if dutch else "en"].get(form or "") for _, form in people]
    names = [name for name, _ in people]
    opening = "Geachte" if dutch else "Dear"
    if all(titles) and all(name.surname for name in names):
        if len({family_name(name) for name in names}) == 1 and len(set(titles)) == len(titles):
            return f"{opening} {_listed(dutch, filter(None, titles))} {bare_family_name(names[0])}"
        called = [f"{title} {bare_family_name(name)}" for title, name in zip(titles, names, strict=True)]
        return f"{opening} {_listed(dutch, called)}"
    if all(name.first_name for name in names):
        return f"{'Beste' if dutch else 'Dear'} {_listed(dutch, (name.first_name for name in names))}"
    return f"{opening} {_listed(dutch, (formal_name(name) for name in names))}"


def _listed(dutch: bool, parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} {'en' if dutch else 'and'} {last}" if first else last
