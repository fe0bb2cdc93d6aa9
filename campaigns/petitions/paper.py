"""What is handed over, on paper: the text, the three numbers with their moment, and how they came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import typst
from markdown_it import MarkdownIt
from markdown_it.token import Token

from campaigns.petitions.tally import Count

_READER = MarkdownIt("commonmark", {"html": False})
_WORDS = {
    "nl": {
        "to": "Aangeboden aan", "signed": "Ondertekend", "confirmed": "waarvan bevestigd", "offline": "Op papier",
        "moment": "Stand van {moment}. De drie getallen zijn op hetzelfde moment vastgelegd en worden niet "
        "stilzwijgend bij elkaar opgeteld.",
        "months": "Per maand", "month": "Maand", "consent": "Waarmee ondertekenaars instemden",
        "how": "Hoe ondertekeningen zijn bevestigd", "check": "Hoe dit stuk te controleren is",
        "required": "Wie tekende kreeg een e-mail. Een ondertekening is bevestigd als de knop na die e-mail is "
        "ingedrukt. Van elk e-mailadres telt hoogstens {per_address} ondertekening(en).",
        "soft": "Een ondertekening telt meteen. Wie tekende kreeg een e-mail met de vraag of hij of zij het was. "
        "Van elk e-mailadres telt hoogstens {per_address} ondertekening(en).",
        "none": "Een ondertekening telt meteen; er is geen bevestiging gevraagd. "
        "Van elk e-mailadres telt hoogstens {per_address} ondertekening(en).",
        "hash": "Van dit bestand is bij het maken een SHA-256-getal vastgelegd: 64 letters en cijfers die veranderen "
        "zodra er één teken in het bestand verandert. De organisatie geeft u dat getal apart. Bereken het zelf met "
        "sha256sum (Linux), shasum -a 256 (macOS) of certutil -hashfile … SHA256 (Windows): zijn ze gelijk, dan is dit "
        "het stuk zoals het is gemaakt.",
    },
    "en": {
        "to": "Presented to", "signed": "Signed", "confirmed": "of which confirmed", "offline": "On paper",
        "moment": "As of {moment}. The three numbers were taken at the same moment and are never added up silently.",
        "months": "By month", "month": "Month", "consent": "What signers agreed to",
        "how": "How signatures were confirmed", "check": "How to check this paper",
        "required": "Whoever signed was sent an e-mail. A signature is confirmed when the button behind that e-mail "
        "was pressed. From each e-mail address at most {per_address} signature(s) count.",
        "soft": "A signature counts at once. Whoever signed was sent an e-mail asking whether it was them. "
        "From each e-mail address at most {per_address} signature(s) count.",
        "none": "A signature counts at once; nobody was asked to confirm. "
        "From each e-mail address at most {per_address} signature(s) count.",
        "hash": "When this file was made its SHA-256 was recorded: 64 letters and digits that change as soon as one "
        "character of the file changes. The organisation gives you that number separately. Compute it yourself with "
        "sha256sum (Linux), shasum -a 256 (macOS) or certutil -hashfile … SHA256 (Windows): where they are equal, this "
        "is the paper as it was made.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paper:
    title: str
    text: str  # Markdown
    recipient: str
    locale: str
    confirm_policy: str
    per_address: int
    count: Count
    months: Mapping[str, tuple[int, int, int]]  # "2026-12" → signed, confirmed, offline
    consents: tuple[str, ...]

    def pdf(self, now: datetime) -> bytes:
        """As a PDF with fonts of its own: the same on every machine."""
        made: bytes = typst.compile(
            self.source().encode(),
            format="pdf",
            timestamp=now.astimezone(UTC).replace(microsecond=0),
            ignore_system_fonts=True,
        )
        return made

    def source(self) -> str:
        words = _WORDS.get(self.locale, _WORDS["en"])
        moment = self.count.as_of.strftime("%d-%m-%Y %H:%M:%S %Z" if self.locale == "nl" else "%Y-%m-%d %H:%M:%S %Z")
        numbers = (
            (words["signed"], self.count.signed), (words["confirmed"], self.count.confirmed),
            (words["offline"], self.count.offline),
        )  # fmt: skip
        boxes = "".join(
            f'[#text(size: 22pt, weight: "bold", {_string(_number(value, self.locale))})'
            f" #linebreak() #{_string(name)}],"
            for name, value in numbers
        )
        rows = "".join(
            f"[#{_string(month)}],{''.join(f'[#{_string(_number(n, self.locale))}],' for n in change)}"
            for month, change in sorted(self.months.items())
        )
        head = "".join(f"[*#{_string(w)}*]," for w in (words["month"], *(name for name, _ in numbers)))
        how = words[self.confirm_policy].format(per_address=self.per_address)
        return "\n".join(
            [
                f"#set document(title: {_string(self.title)})",
                f'#set text(font: "Libertinus Serif", size: 11pt, lang: {_string(self.locale)})',
                '#set page(paper: "a4", margin: 2.5cm, numbering: "1 / 1")',
                "#set par(justify: false, leading: 0.7em)",
                f"#heading(level: 1, {_string(self.title)})",
                f'#text(style: "italic", {_string(words["to"] + " " + self.recipient)})',
                "#v(0.6cm)",
                *typst_of(self.text),
                "#v(0.6cm)",
                f"#block(breakable: false)[#grid(columns: (1fr, 1fr, 1fr), gutter: 12pt, {boxes})",
                "#v(0.2cm)",
                f"#{_string(words['moment'].format(moment=moment))}]",
                f"#heading(level: 2, {_string(words['months'])})",
                f"#table(columns: 4, align: (left, right, right, right), table.header({head}), {rows})",
                f"#heading(level: 2, {_string(words['consent'])})",
                *(f"#quote(block: true, {_string(text)})" for text in self.consents),
                f"#heading(level: 2, {_string(words['how'])})",
                f"#{_string(how)}",
                f"#heading(level: 2, {_string(words['check'])})",
                f"#{_string(words['hash'])}",
            ]
        )


def typst_of(markdown: str) -> Iterator[str]:
    """Markdown as typst. What somebody wrote only ever stands in a string, so none of it is run."""
    for token in _READER.parse(markdown):
        if token.type == "inline":
            yield "".join(_inline(child) for child in token.children or ())
        elif token.hidden:
            continue
        elif token.type in _OPEN:
            yield _OPEN[token.type]
        elif token.type.endswith("_close"):
            yield _CLOSE.get(token.type, "]\n")
        elif token.type in ("fence", "code_block"):
            yield f"#raw(block: true, {_string(token.content)})"
        elif token.type == "hr":
            yield "#line(length: 100%)"


_OPEN = {
    "paragraph_open": "#par[", "heading_open": "#heading(level: 3, outlined: false)[", "bullet_list_open": "#list(",
    "ordered_list_open": "#enum(", "list_item_open": "[",
    "blockquote_open": "#quote(block: true)[",
}  # fmt: skip


_CLOSE = {"list_item_close": "],", "bullet_list_close": ")\n", "ordered_list_close": ")\n"}


def _inline(token: Token) -> str:
    if token.type in ("text", "code_inline"):
        return f"#{_string(token.content)};"
    if token.type in ("softbreak", "hardbreak"):
        return "#linebreak();" if token.type == "hardbreak" else '#" ";'
    opening = {"strong_open": "#strong[", "em_open": "#emph[", "link_open": "#underline["}
    return opening.get(token.type, "];" if token.type.endswith("_close") else "")


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "").replace("\t", " ")
    return f'"{escaped}"'


def _number(value: int, locale: str) -> str:
    return f"{value:,}".replace(",", ".") if locale == "nl" else f"{value:,}"
