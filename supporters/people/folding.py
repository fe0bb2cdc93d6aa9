"""Words as people search for them: lower case, without accents, and in the same pieces on both sides. Pure.

What is stored (:func:`tokens_of`) holds every piece somebody may type; what is typed (:func:`tokens_for_query`) is cut
so that each of its words is the beginning of a stored piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

LONGEST = 64  # characters of a token, as wide as its column
MOST_WORDS = 8  # of one query; more would only cost

#: What Unicode does not take apart by itself, and the Dutch ij, which some keyboards write as ÿ.
_APART = str.maketrans({
    "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n",
    "ÿ": "ij", "ĳ": "ij", "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "—": "-",
})  # fmt: skip
_DROPPED = {"Mn", "Cf", "Cs", "Cc"}  # marks, invisible ones, halves of pairs, control characters

_INITIALS = re.compile(r"(?:[^\W\d_]{1,3}\.)+(?:[^\W\d_]{1,3})?")
#: A number with a sign in it, such as M-2017/42: it stays one word.
_CODE = re.compile(r"(?=\D*\d)[^\W_]+(?:[-/._][^\W_]+)+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_IBAN_HEAD = re.compile(r"[a-z]{2}\d{2}")
_PHONE_HEAD = re.compile(r"(?:\+|00|0)\(?[1-9][\d().\-/]*|\(0\d+\)[\d.\-/]*")
_PHONE_REST = re.compile(r"[\d().\-/]+")
_DUTCH_POSTCODE = re.compile(r"[1-9]\d{3}\s?[a-z]{2}")
#: Countries whose numbers people here know by their national form too, with a 0 for the country.
_DIALLED_WITH_ZERO = ("31", "32", "49", "33", "44")


def fold(text: str) -> str:
    """Lower case, no accents, one space between words; ß is ss, ø is o, ÿ is ij."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    # The ij goes before Unicode's own decomposition would make it a y.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).lower().translate(_APART)).lower()
    kept = "".join(c for c in plain.translate(_APART) if c.isspace() or unicodedata.category(c) not in _DROPPED)
    return " ".join(kept.split())


def tokens_for_query(query: str) -> list[str]:
    """The words to look for, each the beginning of a stored token.

    A postcode typed as two words, an IBAN in groups of four, and a telephone number with spaces are one word each.
    """
    chunks = fold(query[:400]).split()
    found: list[str] = []
    at = 0
    while at < len(chunks):
        taken, words = _joined(chunks, at)
        found += words or _words(chunks[at])
        at += taken
    return list(dict.fromkeys(word[:LONGEST] for word in found if word))[:MOST_WORDS]


def _joined(chunks: list[str], at: int) -> tuple[int, list[str]]:
    """How many chunks from ``at`` are one thing, and the word they make; no word where the chunk is an ordinary one."""
    chunk = chunks[at]
    if "@" in chunk.strip("@"):
        return 1, [chunk.strip("<>()[],;:\"'").removeprefix("mailto:")]
    if _IBAN_HEAD.fullmatch(chunk):
        end = at + 1
        while end < len(chunks) and _continues_iban(chunks[end], second=end == at + 1):
            end += 1
            if len(chunks[end - 1]) < 4:
                break
        return end - at, ["".join(chunks[at:end])]
    if _PHONE_HEAD.fullmatch(chunk):
        end = at + 1
        while end < len(chunks) and _PHONE_REST.fullmatch(chunks[end]):
            end += 1
        if len(digits := _digits("".join(chunks[at:end]))) >= 9:
            return end - at, [digits.removeprefix("00")]
    if _is_postcode(chunks[at : at + 3]):
        return 2, [chunk + chunks[at + 1]]
    if number := re.fullmatch(r"s(\d{1,7})", chunk):
        return 1, [f"s{int(number[1]):07d}"]
    if _INITIALS.fullmatch(chunk):
        return 1, [chunk.replace(".", "")]
    if _CODE.fullmatch(chunk.strip(",;:()")):
        return 1, [chunk.strip(",;:()")]
    return 1, []


def _continues_iban(chunk: str, *, second: bool) -> bool:
    # Letters alone are a bank's code in the second group, and a name anywhere later.
    return chunk.isalnum() and len(chunk) <= 4 and (not chunk.isalpha() or (second and len(chunk) == 4))


def _is_postcode(chunks: list[str]) -> bool:
    """Whether these begin with a Dutch postcode in two words; "1012 de vries" is more likely a name."""
    if len(chunks) < 2 or not _DUTCH_POSTCODE.fullmatch(f"{chunks[0]} {chunks[1]}"):
        return False
    return len(chunks) == 2 or chunks[1] not in ("de", "te")


def _words(text: str) -> list[str]:
    return [word.replace("'", "") for word in _WORD.findall(text)]


def tokens_of(
    *,
    names: Iterable[str] = (),
    emails: Iterable[str] = (),
    ibans: Iterable[str] = (),
    postcodes: Iterable[str] = (),
    number: int | None = None,
    references: Iterable[str] = (),
    phones: Iterable[str] = (),
) -> set[str]:
    """Everything a supporter is found by. ``names`` are the parts of the name, ``phones`` are like +31201234567."""
    found: set[str] = set()
    for name in names:
        found.update(_of_name(fold(name or "")))
    for email in emails:
        folded = fold(email or "")
        found.add(folded)
        found.update(_WORD.findall(folded.rpartition("@")[0]))
    found.update(fold(iban or "").replace(" ", "") for iban in ibans)
    for postcode in postcodes:
        folded = fold(postcode or "")
        found.add(folded.replace(" ", ""))
        if not _DUTCH_POSTCODE.fullmatch(folded):
            found.update(_WORD.findall(folded))
    for phone in phones:
        found.update(_of_phone(_digits(phone or "")))
    for reference in references:
        folded = fold(reference or "")
        found.add(folded.replace(" ", ""))
        found.update(_words(folded))
        if ours := re.fullmatch(r"s(\d{1,7})", folded):
            found.add(f"s{int(ours[1]):07d}")
    if number is not None:
        found.update((f"s{number:07d}", f"{number:07d}", str(number)))
    return {token[:LONGEST] for token in found if token}


def _of_name(folded: str) -> Iterator[str]:
    for chunk in folded.split():
        if _INITIALS.fullmatch(chunk):
            yield chunk.replace(".", "")
        if _CODE.fullmatch(chunk.strip(",;:()")):
            yield chunk.strip(",;:()")
        for word in _WORD.findall(chunk):
            yield word.replace("'", "")
            if "'" in word:
                yield from word.split("'")


def _of_phone(digits: str) -> Iterator[str]:
    yield digits
    if digits[:2] in _DIALLED_WITH_ZERO:
        yield "0" + digits[2:]


def _digits(text: str) -> str:
    return "".join(c for c in re.sub(r"\(0\)", "", text) if "0" <= c <= "9")
