"""What a moderator should look at twice: found by simple rules, and never a decision by itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

KINDS = ("web_address", "email", "phone", "slur", "capitals")

_EMAIL = re.compile(r"[\w.+-]+\s*(?:@|\(at\)|\[at\])\s*[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_WEB = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|net|org|nl|be|de|eu|ru|info|biz|xyz|top|io|shop|online|site)\b",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<!\w)(?:\+|00|0)(?:[\s().-]*\d){8,13}(?!\w)")
#: A few obvious words; whole words only, because “Kutay” and “Scunthorpe” are names.
_SLURS = re.compile(
    r"\b(?:(?:kanker|tering|tyfus|kut)(?:\w*(?:lijers?|hoer(?:en)?|wijf|wijven|nichten?))?|klootzak(?:ken)?|hoer(?:en)?"
    r"|sletten|slet|mongolen|mongool|nikkers?|flikkers?|makaken|makaak|kutmarokkan\w*|nazi'?s?|hitler|heil|rot ?op"
    r"|fuck\w*|motherfuck\w*|cunts?|bitch(?:es)?|niggers?|niggas?|fag(?:got)?s?|whores?|sluts?|retards?|assholes?)\b"
)  # fmt: skip
_LOOK_LIKE = str.maketrans("013457@$!|аеорсухіκοα", "oieastasiiaeopcyxikoa")
_SPELLED_OUT = re.compile(r"\b(?:\w[\s.*_-]+){2,}\w\b")


@dataclass(frozen=True, slots=True)
class Flag:
    """``field`` is where it was found: name, town or comment."""

    field: str
    kind: str


def flags_of(name: str, town: str, comment: str) -> tuple[Flag, ...]:
    """What stands out in these three, in the order they are shown."""
    return tuple(
        Flag(field, kind)
        for field, value in (("name", name), ("town", town), ("comment", comment))
        for kind in _kinds(value, is_comment=field == "comment")
    )


def _kinds(value: str, *, is_comment: bool) -> list[str]:
    plain = unicodedata.normalize("NFKC", value)
    without_mail = _EMAIL.sub(" ", plain)
    letters = [character for character in plain if character.isalpha()]
    return [
        kind
        for kind, is_so in (
            ("web_address", _WEB.search(without_mail) is not None),
            ("email", without_mail != plain),
            ("phone", _PHONE.search(plain) is not None),
            ("slur", _has_slur(plain)),
            ("capitals", is_comment and len(letters) > 12 and sum(c.isupper() for c in letters) > 0.8 * len(letters)),
        )
        if is_so
    ]


def _has_slur(text: str) -> bool:
    """Also where it is written with other people's letters, with accents, or with a space between each letter."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    plain = _SPELLED_OUT.sub(lambda found: re.sub(r"[\W_]", "", found[0]), bare)
    return any(_SLURS.search(each.translate(_LOOK_LIKE)) or _SLURS.search(each) for each in (bare, plain))
