"""The picture that a network shows of a link to an edition, page or team: its title and its thermometer."""

from __future__ import annotations

import unicodedata

import typst

from campaigns.web.embed_edition import EmbeddedEdition

WIDTH, HEIGHT = 1200, 630
#: What is longer does not fit.
_MOST = 140
#: Up to so many characters, in such letters.
_SIZES = ((32, 84), (64, 68), (_MOST, 52))
#: What somebody called their page only comes in from outside, so none of it is run.
_DRAWING = b"""
#set page(width: 1200pt, height: 630pt, margin: (x: 76pt, y: 64pt), fill: white)
#set text(font: "Libertinus Serif", fill: rgb("#1d2733"), hyphenate: true, lang: sys.inputs.lang)
#let accent = rgb("#0b6b57")
#let part = float(sys.inputs.part)
#place(top + left, dx: -76pt, dy: -64pt, rect(width: 1200pt, height: 18pt, fill: accent))
#set par(leading: 0.5em, justify: false)
#v(10pt)
#stack(dir: ttb, spacing: 30pt,
  text(size: 34pt, fill: rgb("#55606c"), sys.inputs.over),
  text(size: float(sys.inputs.size) * 1pt, weight: "bold", sys.inputs.title))
#let sum = [
  #text(size: 96pt, weight: "bold", fill: accent, sys.inputs.amount)
  #h(14pt)
  #text(size: 42pt, fill: rgb("#55606c"), sys.inputs.target)]
#let bar = box(width: 100%, height: 34pt, radius: 17pt, fill: rgb("#dfe4e8"), clip: true,
  align(left, rect(width: part * 100%, height: 34pt, radius: 17pt, fill: accent)))
#place(bottom + left, stack(dir: ttb, spacing: 34pt, sum, ..if part >= 0 { (bar,) }))
"""


def picture(found: EmbeddedEdition) -> bytes:
    """As a PNG, with fonts of its own: the same on every machine."""
    title = _drawn(found.title)
    title = title if len(title) <= _MOST else f"{title[: _MOST - 1].rstrip()}…"
    say, target = found.reader.say, found.target
    made: bytes = typst.compile(
        _DRAWING, format="png", ppi=72.0, ignore_system_fonts=True,
        sys_inputs={
            "title": title, "size": str(next(size for most, size in _SIZES if len(title) <= most)),
            "over": "" if found.kind == "edition" else _drawn(found.edition["title"])[:50],
            "amount": found.money(found.amount), "lang": found.reader.locale,
            "target": say("of %(goal)s", goal=found.money(target)) if target else "",
            "part": str(min(max(found.amount, 0) / target, 1.0)) if target else "-1",
        },
    )  # fmt: skip
    return made


def _drawn(text: str) -> str:
    """Without pictures and other signs that the letters do not have."""
    kept = "".join(
        each for each in text if unicodedata.category(each) not in ("So", "Sk", "Cn", "Co", "Cs", "Cf", "Cc")
    )
    return " ".join(kept.split())
