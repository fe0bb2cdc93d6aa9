"""One pass over an XML file of any size, in constant memory, that trusts nothing in it.

A tree of ``Node`` says which elements matter; everything else is passed over. Expat calls two small functions for each
element, and that is where the time goes: they look up, and do nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar
from xml.parsers import expat

from supporters.payments.bank.told import BadBankFile

T = TypeVar("T")

DEEPEST = 100  # elements within each other; a bank's file has 15
LONGEST_TEXT = 10_000  # characters in one element; the longest that ISO 20022 has in these messages is 2,000
LONGEST_TOKEN = 1 << 18  # bytes of one tag, with its attributes, or of one comment
MOST_REPEATS = 500
_CHUNK = 1 << 16
_PIECE = 8192  # characters of a text that expat gives at once; with longer lines it is more
_MOST_PIECES = 4
_NAMES_KEPT = 500
_ENCODINGS = {"utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"}
_ENDED_EARLY = {
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


class Node(dict[str, "Node"]):
    """An element that matters, and the elements within it that do.

    With a ``field``, its text goes into ``into[field]``: as text; as (text, currency) where it is ``money``; in a
    list where it may come more than once (``many``). ``begin`` and ``end`` are called as it begins and ends.
    """

    __slots__ = ("begin", "end", "field", "into", "money", "other", "plain")

    def __init__(
        self,
        children: dict[str, Node] | None = None,
        *,
        begin: Callable[[list[str]], None] | None = None,
        end: Callable[[], None] | None = None,
        other: Node | None = None,
    ) -> None:
        super().__init__(children or {})
        self.field: str | None = None
        self.into: dict[str, Any] = {}
        self.plain, self.money = True, False
        self.begin, self.end = begin, end
        self.other = PASSED_OVER if other is None else other

    def __missing__(self, tag: str) -> Node:
        prefix, _, name = tag.rpartition(":")
        found = self[name] if prefix and name in self else self.other
        if len(self) < _NAMES_KEPT:
            self[tag] = found
        return found


PASSED_OVER: Node = Node.__new__(Node)
PASSED_OVER.__init__(other=PASSED_OVER)  # type: ignore[misc]


def leaf(into: dict[str, Any], field: str, *, many: bool = False, money: bool = False) -> Node:
    node = Node()
    node.into, node.field = into, field
    node.plain, node.money = not (many or money), money
    return node


def path(names: str, node: Node) -> dict[str, Node]:
    """``path("Tp/CdOrPrtry", node)``: the node, so many elements down."""
    first, _, rest = names.partition("/")
    return {first: Node(path(rest, node)) if rest else node}


class Walk:
    """The pass itself: ``through(out)`` yields what the nodes' functions put into ``out``."""

    def __init__(self, stream: IO[bytes], root: Node) -> None:
        self._stream, self._root = stream, root
        #: Where the pass is as the message counts, ", entry 4": a file that stands on one line has no other places.
        self.within: Callable[[], str] = str
        self._lines_before = 0
        self._parser = expat.ParserCreate()

    @property
    def line(self) -> int:
        """The line that the pass is at."""
        return self._parser.CurrentLineNumber + self._lines_before

    @property
    def offset(self) -> int:
        """Where the pass is, in bytes."""
        return self._parser.CurrentByteIndex

    @property
    def place(self) -> str:
        return f"line {self.line}{self.within()}"

    def through(self, out: list[T]) -> Iterator[T]:
        parser = self._parser
        texts: list[str] = []
        outer: list[Node] = []  # the elements around the one that the pass is in
        here = self._listen(outer, texts)
        fed = 0
        while True:
            chunk = self._stream.read(_CHUNK)
            if not fed:
                chunk = self._without_space_before(chunk)
            fed += len(chunk)
            try:
                parser.Parse(chunk, not chunk)
            except expat.ExpatError as error:
                # What came before the damage was read, and is of no use without the rest.
                raise self._damaged(error, at_end=not chunk) from error
            except (LookupError, ValueError) as error:
                raise BadBankFile("This is not the text that it says it is.", place=self.place) from error
            if out:
                yield from out
                out.clear()
            if not chunk:
                return
            if fed - parser.CurrentByteIndex > LONGEST_TOKEN:
                raise BadBankFile(
                    "One tag or comment is longer than %(most)s bytes; no bank's file has that.",
                    place=self.place, most=LONGEST_TOKEN,
                )  # fmt: skip
            if len(outer) > DEEPEST:
                raise self._too_deep()
            if texts:
                if here().field is None:
                    texts.clear()
                elif len(texts) > _MOST_PIECES:
                    raise self._too_long()

    def _listen(self, outer: list[Node], texts: list[str]) -> Callable[[], Node]:
        """Make the functions that expat calls: with all they need in local names, because they are called so often."""
        parser = self._parser
        push, pop, last, forget = outer.append, outer.pop, texts.pop, texts.clear
        node, given = self._root, []  # type: Node, list[str]
        longest = LONGEST_TEXT

        def start(tag: str, attributes: list[str]) -> None:
            nonlocal node, given
            push(node)
            node = node[tag]
            given = attributes
            if node.begin is not None:
                node.begin(attributes)
            if texts:
                forget()

        def end(tag: str) -> None:
            nonlocal node
            this, node = node, pop()
            if (field := this.field) is None:
                if texts:
                    forget()
                if this.end is not None:
                    this.end()
            elif texts:
                text = last()
                if texts:
                    text = self._joined(texts, text)
                if text := text.strip():
                    if len(text) > longest:
                        raise self._too_long()
                    if this.plain:
                        this.into[field] = text
                    else:
                        self._keep(this, field, text, given, tag)

        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.buffer_size = _PIECE
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = texts.append
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        return lambda: node

    def _joined(self, texts: list[str], last: str) -> str:
        text = "".join(texts) + last
        texts.clear()
        return text

    def _keep(self, node: Node, field: str, text: str, attributes: list[str], tag: str) -> None:
        if node.money:
            node.into[field] = (text, attributes[attributes.index("Ccy") + 1] if "Ccy" in attributes[::2] else "")
            return
        found = node.into.setdefault(field, [])
        if len(found) >= MOST_REPEATS:
            raise BadBankFile(
                "%(element)s comes more than %(most)s times.", place=self.place, element=tag, most=MOST_REPEATS
            )
        found.append(text)

    def _without_space_before(self, chunk: bytes) -> bytes:
        """Some systems put empty lines before the declaration, which XML forbids and everybody can read."""
        while chunk and not (rest := chunk.lstrip(b" \t\r\n")):
            self._lines_before += chunk.count(b"\n")
            chunk = self._stream.read(_CHUNK)
        if not chunk:
            return chunk
        self._lines_before += chunk[: len(chunk) - len(rest)].count(b"\n")
        return rest

    # -- what is refused ----------------------------------------------------------------------------------------

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise BadBankFile(
                "The file says that it is written in “%(encoding)s”; a bank's file is in UTF-8.",
                place=self.place, encoding=encoding[:40],
            )  # fmt: skip

    def _doctype(self, *_: object) -> None:
        raise BadBankFile(
            "The file has a document type (DOCTYPE); no bank's file has one, and it can do harm.", place=self.place
        )

    def _too_deep(self) -> BadBankFile:
        return BadBankFile(
            "More than %(most)s elements stand within each other; no bank's file is like that.",
            place=self.place, most=DEEPEST,
        )  # fmt: skip

    def _too_long(self) -> BadBankFile:
        return BadBankFile(
            "The text of one element is longer than %(most)s characters.", place=self.place, most=LONGEST_TEXT
        )

    def _damaged(self, error: expat.ExpatError, *, at_end: bool) -> BadBankFile:
        place = f"line {error.lineno + self._lines_before}{self.within()}"
        if at_end or error.code in _ENDED_EARLY:
            return BadBankFile("The file ends before it is complete: fetch it from the bank again.", place=place)
        return BadBankFile(
            "The file is damaged here (%(why)s): fetch it from the bank again.",
            place=place, why=expat.ErrorString(error.code),
        )  # fmt: skip
