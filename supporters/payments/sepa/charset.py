"""The letters a SEPA file may carry, and how everything else is brought back to them."""

import re
import unicodedata

_ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "

# Text that needs no work at all: words of allowed letters with one space or slash between them.
_CLEAN = re.compile(r"[A-Za-z0-9\-?:().,'+]+(?:[/ ][A-Za-z0-9\-?:().,'+]+)*")
_REFERENCE = re.compile(r"(?![/ ])(?!.*//)[A-Za-z0-9/\-?:().,'+ ]{1,35}(?<![/ ])")
_TIDY = re.compile(r"/(?: */)+| {2,}")
_LETTER_OR_DIGIT = re.compile(r"[A-Za-z0-9]")

# What Unicode's own decomposition does not answer, after the European Payments Council's conversion table (EPC217-08).
_CHOSEN = {
    "&": "+", "_": "-", "@": "(at)", '"': "'", "`": "'", "´": "'", "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'",
    "′": "'", "“": "'", "”": "'", "„": "'", "«": "'", "»": "'", "‹": "'", "›": "'", "[": "(", "]": ")", "{": "(",
    "}": ")", "\\": "/", "|": "/", "⁄": "/", "~": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-",
    "−": "-", "·": ".", "•": ".", ";": ",", "€": "E", "¿": "?", "×": "x",
    "ß": "ss", "ẞ": "SS", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "Þ": "TH", "þ": "th",
    "Ð": "D", "ð": "d", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "ĸ": "k", "Ł": "L", "ł": "l", "Ŋ": "N",
    "ŋ": "n", "Ŧ": "T", "ŧ": "t", "ſ": "s", "Ə": "E", "ə": "e",
}  # fmt: skip
_GREEK = "Α A Β V Γ G Δ D Ε E Ζ Z Η I Θ TH Ι I Κ K Λ L Μ M Ν N Ξ X Ο O Π P Ρ R Σ S Τ T Υ Y Φ F Χ CH Ψ PS Ω O"
_CYRILLIC = (
    "А A Б B В V Г G Д D Е E Ж ZH З Z И I Й Y К K Л L М M Н N О O П P Р R С S Т T У U Ф F Х H Ц TS Ч CH Ш SH Щ SHT"
    " Ъ A Ы Y Ь Y Э E Ю YU Я YA Є YE І I Ї YI Ґ G Ђ D Ј J Љ LJ Њ NJ Ћ C Џ DZ"
)
_pairs = iter(f"{_GREEK} {_CYRILLIC}".split())
for _capital, _latin in zip(_pairs, _pairs, strict=True):
    _CHOSEN[_capital] = _latin.capitalize()
    _CHOSEN[_capital.lower()] = _latin.lower()
_CHOSEN["ς"] = "s"


def _one(character: str) -> str:
    """The allowed text for one character: "" for marks that only decorate, " " for any space, "." for the unknown."""
    if character in _ALLOWED:
        return character
    if character in _CHOSEN:
        return _CHOSEN[character]
    category = unicodedata.category(character)
    if character.isspace() or category[0] == "Z" or category == "Cc":
        return " "
    if category[0] == "M" or category in ("Cf", "Sk", "Lm"):
        return ""
    decomposed = unicodedata.normalize("NFKD", character)
    if decomposed != character:
        return "".join(_one(part) for part in decomposed)
    return "."


class _Table(dict[int, str]):
    """A translation table that works a character out the first time it is met; it cannot outgrow Unicode."""

    def __missing__(self, codepoint: int) -> str:
        latin = self[codepoint] = _one(chr(codepoint))
        return latin


_table = _Table({ord(character): character for character in _ALLOWED})
_clean = _CLEAN.fullmatch


def to_sepa(text: str, limit: int, fallback: str = "") -> str:
    """``text`` in the letters every bank accepts, at most ``limit`` long; ``fallback`` if no letter or digit is left.

    The result never starts or ends with a slash and never holds two in a row: banks read those as field marks.
    The letters it may hold need no escaping in XML.
    """
    if len(text) <= limit and _clean(text):
        return text if _LETTER_OR_DIGIT.search(text) else fallback
    # Nothing shrinks to a fraction of itself in real text, so a hostile megabyte is cut before the work, not after.
    latin = text.strip()[: limit * 8 + 64].translate(_table)
    latin = _TIDY.sub(lambda found: "/" if "/" in found.group() else " ", latin)
    latin = latin.strip(" /")[:limit].rstrip(" /")
    return latin if _LETTER_OR_DIGIT.search(latin) else fallback


def is_sepa_reference(text: str) -> bool:
    """Whether a bank takes ``text`` as an identification: at most 35 allowed letters, no slash or space at the ends."""
    return _REFERENCE.fullmatch(text) is not None
