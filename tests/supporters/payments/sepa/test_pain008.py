import hashlib
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import resources
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from supporters.payments.sepa import schema
from supporters.payments.sepa.debit import SMNDA, Amendment, Block, Creditor, Debit
from supporters.payments.sepa.pain008 import FORMATS, payment_information_id, validate, write
from supporters.payments.sepa.scheme import FileRefused

NOW = datetime(2026, 11, 24, 9, 30, 15, tzinfo=UTC)
CREDITOR = Creditor("Stichting Zee", "NL69ZZZ123456780000", "NL91ABNA0417164300", "ABNANL2A")
RECURRING = Block("RCUR", date(2026, 12, 1), 2, 3050)
FIRST = Block("FRST", date(2026, 12, 1), 1, 1000)
ONE_OFF = Block("OOFF", date(2026, 12, 2), 1, 99_999_999_999, "B2B")
DEBITS = [
    Debit("E1", 1000, "NL20INGB0001234567", "INGBNL2A", "A. Lovelace", "M-1", date(2020, 1, 2), "RCUR", "Thank you"),
    Debit("E2", 2050, "DE89370400440532013000", None, "Zoë <b> & Söhne", "M-2", date(2026, 12, 1), "RCUR", "Da & g"),
    Debit("E3", 1000, "BE68539007547034", None, "Fam. 't Hart", "M-3", date(2026, 11, 1), "FRST", ""),
    Debit(
        "E4", 99_999_999_999, "BE68539007547034", None, "Zee", "M-4", date(2026, 11, 1), "OOFF", "", "RF18539007547034"
    ),
]
SCHEMAS = resources.files("supporters.payments.sepa").joinpath("schemas")

both_formats = pytest.mark.parametrize("format", FORMATS)


def made(
    format: str = FORMATS[0],
    blocks: tuple[Block, ...] = (RECURRING, FIRST, ONE_OFF),
    debits: list[Debit] = DEBITS,
    **changes: Any,
) -> bytes:
    out = io.BytesIO()
    values: dict[str, Any] = {"message_id": "C-2026-12", "created_at": NOW, "creditor": CREDITOR} | changes
    written = write(out, format=format, blocks=blocks, debits=iter(debits), **values)
    data = out.getvalue()
    assert written.size == len(data)
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert written.count == len(debits)
    assert written.total == sum(debit.amount for debit in debits)
    return data


def one(debit: Debit, format: str = FORMATS[0], **changes: Any) -> bytes:
    return made(format, (Block(debit.sequence_type, date(2026, 12, 1), 1, debit.amount),), [debit], **changes)


def texts(data: bytes, path: str) -> list[str | None]:
    return [
        element.text
        for element in etree.fromstring(data).iterfind(".//" + "/".join(f"{{*}}{step}" for step in path.split("/")))
    ]


@both_formats
def test_a_written_file_is_valid_by_the_official_schema(format: str) -> None:
    validate(io.BytesIO(made(format)), format)


@both_formats
@pytest.mark.skipif(shutil.which("xmllint") is None, reason="xmllint is not installed")
def test_xmllint_says_the_same(format: str, tmp_path: Path) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(made(format))
    validate(file, format)
    with resources.as_file(SCHEMAS) as folder:
        subprocess.run(
            ["xmllint", "--noout", "--schema", folder / f"{format}.xsd", file], check=True, capture_output=True
        )


@both_formats
def test_the_schemas_are_those_sepaxml_ships(format: str) -> None:
    theirs = resources.files(pytest.importorskip("sepaxml")).joinpath("schemas", f"{format}.xsd").read_bytes()
    ours = SCHEMAS.joinpath(f"{format}.xsd").read_bytes()
    assert ours == theirs
    assert hashlib.sha256(ours).hexdigest() in SCHEMAS.joinpath("README.md").read_text()


@both_formats
def test_the_same_input_gives_the_same_bytes(format: str) -> None:
    assert made(format) == made(format)


def test_the_file_says_what_it_was_asked_to() -> None:
    data = made()
    assert texts(data, "GrpHdr/NbOfTxs") == ["4"]
    assert texts(data, "GrpHdr/CtrlSum") == ["1000000040.49"]
    assert texts(data, "GrpHdr/CreDtTm") == ["2026-11-24T10:30:15"]
    assert texts(data, "PmtInfId") == ["C-2026-12-1", "C-2026-12-2", "C-2026-12-3"]
    assert texts(data, "PmtInfId")[1] == payment_information_id("C-2026-12", 2)
    assert texts(data, "SeqTp") == ["RCUR", "FRST", "OOFF"]
    assert texts(data, "LclInstrm/Cd") == ["CORE", "CORE", "B2B"]
    assert texts(data, "ReqdColltnDt") == ["2026-12-01", "2026-12-01", "2026-12-02"]
    assert texts(data, "PmtInf/NbOfTxs") == ["2", "1", "1"]
    assert texts(data, "PmtInf/CtrlSum") == ["30.50", "10.00", "999999999.99"]
    assert set(texts(data, "BtchBookg")) == {"true"}
    assert texts(data, "InstdAmt") == ["10.00", "20.50", "10.00", "999999999.99"]
    assert texts(data, "Dbtr/Nm") == ["A. Lovelace", "Zoe .b. + Sohne", "Fam. 't Hart", "Zee"]
    assert texts(data, "Ustrd") == ["Thank you", "Da + g"]
    assert texts(data, "CdtrRefInf/Ref") == ["RF18539007547034"]
    assert texts(data, "DbtrAgt/FinInstnId/BICFI") == ["INGBNL2A"]
    assert texts(data, "DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED"] * 3
    assert texts(data, "PstlAdr") == []


def test_the_older_format_calls_the_bank_code_bic() -> None:
    data = made("pain.008.001.02")
    assert texts(data, "DbtrAgt/FinInstnId/BIC") == ["INGBNL2A"]
    assert texts(data, "BICFI") == []


@both_formats
def test_a_creditor_without_bic_is_valid(format: str) -> None:
    creditor = Creditor("Stichting Zee", "NL69ZZZ123456780000", "NL91ABNA0417164300")
    validate(io.BytesIO(made(format, creditor=creditor)), format)


@both_formats
@pytest.mark.parametrize(
    ("amendment", "expected"),
    [
        (Amendment(), [("OrgnlDbtrAcct/Id/Othr/Id", SMNDA)]),
        (Amendment(original_iban="BE68539007547034"), [("OrgnlDbtrAcct/Id/IBAN", "BE68539007547034")]),
        (Amendment(original_mandate_reference="OLD-1"), [("OrgnlMndtId", "OLD-1")]),
        (
            Amendment(original_creditor_identifier="DE98ZZZ09999999999", original_creditor_name="Vereniging Zeeën"),
            [("OrgnlCdtrSchmeId/Id/PrvtId/Othr/Id", "DE98ZZZ09999999999"), ("OrgnlCdtrSchmeId/Nm", "Vereniging Zeeen")],
        ),
        (
            Amendment(SMNDA, "OLD-1", "DE98ZZZ09999999999"),
            [("OrgnlMndtId", "OLD-1"), ("OrgnlDbtrAcct/Id/Othr/Id", SMNDA)],
        ),
    ],
)
def test_an_amended_mandate_says_what_it_was(
    format: str, amendment: Amendment, expected: list[tuple[str, str]]
) -> None:
    data = one(DEBITS[0]._replace(amendment=amendment), format)
    validate(io.BytesIO(data), format)
    assert texts(data, "AmdmntInd") == ["true"]
    for path, value in expected:
        assert texts(data, path) == [value]
    if amendment.original_account is None:
        assert texts(data, "OrgnlDbtrAcct") == []


@settings(deadline=None)
@given(name=st.text(min_size=1).filter(lambda text: text.strip()), remittance=st.text(), creditor=st.text(min_size=1))
def test_any_name_and_remittance_give_a_valid_file(name: str, remittance: str, creditor: str) -> None:
    who = Creditor(f"{creditor}x", CREDITOR.identifier, CREDITOR.iban)
    for format in FORMATS:
        data = one(DEBITS[0]._replace(name=name, remittance=remittance), format, creditor=who)
        validate(io.BytesIO(data), format)


def test_a_name_no_bank_can_read_is_replaced_and_a_long_one_is_cut() -> None:
    assert texts(one(DEBITS[0]._replace(name="李小龙")), "Dbtr/Nm") == ["NOTPROVIDED"]
    assert texts(one(DEBITS[0]._replace(name="é" * 100, remittance="ß" * 100)), "Dbtr/Nm") == ["e" * 70]
    assert texts(one(DEBITS[0]._replace(remittance="ß" * 100)), "Ustrd") == ["s" * 140]


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        (Block("RCUR", date(2026, 12, 1), 2, 3051), "promises 2 debits of 30.51 euro together and got 2 of 30.50"),
        (Block("RCUR", date(2026, 12, 1), 3, 3050), "promises 3 debits of 30.50 euro together and got 2 of 30.50"),
        (Block("RCUR", date(2026, 12, 1), 1, 1000), "Debit E2 comes after the 1 debits the blocks promise"),
    ],
)
def test_a_file_whose_blocks_do_not_add_up_is_refused(block: Block, sentence: str) -> None:
    with pytest.raises(FileRefused) as caught:
        made(blocks=(block,), debits=DEBITS[:2])
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"format": "pain.008.001.11"}, "format", "“pain.008.001.11” is not a format we write"),
        ({"message_id": "C" * 31}, "message_id", "has 31 characters"),
        ({"message_id": "C_1"}, "message_id", "letters a bank refuses"),
        ({"created_at": datetime(2026, 12, 1, 8, tzinfo=UTC)}, "collect_on", "is not after the day the file is made"),
        ({"created_at": datetime(2026, 11, 30, 23, 30, tzinfo=UTC)}, "collect_on", "made, 2026-12-01"),
    ],
)
def test_a_file_against_a_rule_is_refused(changes: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(FileRefused) as caught:
        made(**changes)
    assert caught.value.field == field
    assert sentence in caught.value.message


def test_a_debit_against_a_rule_stops_the_file() -> None:
    with pytest.raises(FileRefused, match="Debit E1: the IBAN “NL20INGB0001234568” has a mistake"):
        one(DEBITS[0]._replace(iban="NL20INGB0001234568"))


def test_a_time_without_a_zone_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="time zone"):
        made(created_at=datetime(2026, 11, 24, 9, 30))


def test_the_debits_are_read_while_writing_and_no_further_than_needed() -> None:
    class Counting(io.BytesIO):
        writes = 0

        def write(self, data: Any) -> int:
            self.writes += 1
            return super().write(data)

    def debits() -> Iterator[Debit]:
        for number in count(1):
            if number > 2000:
                assert out.writes >= 4
                return
            yield DEBITS[0]._replace(end_to_end_id=f"E{number}")

    out = Counting()
    blocks = [Block("RCUR", date(2026, 12, 1), 2000, 2_000_000)]
    write(out, format=FORMATS[0], message_id="C", created_at=NOW, creditor=CREDITOR, blocks=blocks, debits=debits())
    assert out.writes < 20


def test_an_invalid_file_is_refused_with_its_line_and_what_libxml2_says() -> None:
    data = made()
    line = data[: data.index(b"E2</EndToEndId>")].count(b"\n") + 1
    broken = data.replace(b"DE89370400440532013000", b"DE8937040044053201300?")
    with pytest.raises(FileRefused, match=rf"Line {line} is not valid pain.008.001.08: Element 'IBAN': \[facet 'patt"):
        validate(io.BytesIO(broken), FORMATS[0])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "Line 1 is not valid"),
        (b"<a/>", "No matching global declaration"),
        (b"<a>\n</b>", "Line 2 is not XML"),
        (b'<?xml version="1.0" encoding="latin1"?><a/>', "it must be UTF-8"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "Line 2 holds a DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "holds a DOCTYPE"),
        ("<!DOCTYPE a><a/>".encode("utf-16"), "holds a DOCTYPE"),
        (b"<!--" + b" " * 9000 + b"--><!DOCTYPE a><a/>", "holds a DOCTYPE"),
    ],
)
def test_what_is_no_bank_file_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(FileRefused) as caught:
        validate(io.BytesIO(data), FORMATS[0])
    assert sentence in caught.value.message


def test_a_file_with_entities_before_its_debits_never_reaches_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "hostile.xml"
    head = b'?>\n<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    file.write_bytes(made().replace(b"?>", head, 1).replace(b"A. Lovelace", b"&x;"))
    with pytest.raises(FileRefused, match="DOCTYPE"):
        validate(file, FORMATS[0])


def test_a_truncated_file_is_refused() -> None:
    data = made()
    for length in range(100, len(data) - 2, 211):
        with pytest.raises(FileRefused):
            validate(io.BytesIO(data[:length]), FORMATS[0])


def test_a_file_of_the_other_format_is_refused() -> None:
    with pytest.raises(FileRefused, match="No matching global declaration"):
        validate(io.BytesIO(made("pain.008.001.02")), "pain.008.001.08")


@both_formats
def test_the_stream_gives_the_verdict_of_the_whole_tree(format: str) -> None:
    """Without a tree the parser reports to a log only; were that ever to change, broken files would pass unseen."""
    official = schema._schema(format)
    whole = made(format)
    random = Random(8)
    verdicts = {True: 0, False: 0}
    for _ in range(300):
        root = etree.fromstring(whole)
        elements = list(root.iter())
        for _ in range(random.randint(1, 2)):
            _mutate(random, elements, random.choice(elements[1:]))
        data = etree.tostring(root)
        expected = bool(official.validate(etree.fromstring(data)))
        try:
            validate(io.BytesIO(data), format)
            actual = True
        except FileRefused:
            actual = False
        assert actual == expected, data
        verdicts[expected] += 1
    assert min(verdicts.values()) > 30


def _mutate(random: Random, elements: list[Any], element: Any) -> None:
    parent = element.getparent()
    if parent is None:
        return
    match random.randint(0, 4):
        case 0:
            parent.remove(element)
        case 1:
            element.tag = random.choice(elements).tag
        case 2:
            element.text = random.choice(
                ["", "x", "1", "é" * 36, "2026-12-01", "RCUR", "true", "NL91ABNA0417164300", " "]
            )
        case 3:
            parent.append(element)
        case _:
            element.set("Ccy", random.choice(["EUR", "eur"]))


@both_formats
def test_the_content_is_what_sepaxml_writes_for_the_same_debits(format: str) -> None:
    sepaxml = pytest.importorskip("sepaxml")
    debits = [
        *(debit._replace(remittance="Thank you") for debit in DEBITS[:3]),
        DEBITS[0]._replace(end_to_end_id="E9", sequence_type="OOFF", amount=7),
    ]
    config = {
        "name": CREDITOR.name, "IBAN": CREDITOR.iban, "BIC": CREDITOR.bic, "batch": True,
        "creditor_id": CREDITOR.identifier, "currency": "EUR",
    }  # fmt: skip
    theirs = sepaxml.SepaDD(config, schema=format, clean=False)
    ours_in_sepa = str.maketrans("ëö<>&", "eo..+")
    for debit in debits:
        payment = {
            "name": debit.name.translate(ours_in_sepa), "IBAN": debit.iban, "amount": debit.amount,
            "type": debit.sequence_type, "collection_date": date(2026, 12, 1), "mandate_id": debit.mandate_reference,
            "mandate_date": debit.mandate_signed_on, "description": debit.remittance,
            "endtoend_id": debit.end_to_end_id,
        }  # fmt: skip
        theirs.add_payment(payment | ({"BIC": debit.bic} if debit.bic else {}))
    blocks = (RECURRING, FIRST, Block("OOFF", date(2026, 12, 1), 1, 7))
    assert _content(made(format, blocks, debits)) == _content(theirs.export())


def _content(data: bytes) -> list[tuple[str, str, str]]:
    """Every element in order with its text, without what each maker makes up itself."""
    root = etree.fromstring(data)
    tree = root.getroottree()
    made_up = ("MsgId", "CreDtTm", "PmtInfId")
    return [
        (
            tree.getelementpath(element),
            "" if etree.QName(element).localname in made_up else (element.text or "").strip(),
            str(dict(element.attrib)),
        )
        for element in root.iter()
    ]
