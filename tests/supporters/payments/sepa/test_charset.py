import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supporters.payments.sepa.charset import is_sepa_reference, to_sepa

ALLOWED = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("J. de Vries", "J. de Vries"),
        ("Zoë Müller-Strauß", "Zoe Muller-Strauss"),
        ("Søren Ærø", "Soren AEro"),
        ("Łukasz Đorđević", "Lukasz Dordevic"),
        ("IJsbrand Ĳssel", "IJsbrand IJssel"),
        ("Fam. Jansen & Zn", "Fam. Jansen + Zn"),
        ("d’Hondt", "d'Hondt"),
        ("anna_b@example.org", "anna-b(at)example.org"),
        ("50 €", "50 E"),
        ("a – b", "a - b"),
        ("Ελένη Παπαδοπούλου", "Eleni Papadopoyloy"),
        ("Желязко Щерев", "Zhelyazko Shterev"),
        ("two\tspaces\n here", "two spaces here"),
        ("/c/o// Jansen /", "c/o/ Jansen"),
        ("a / / b", "a / b"),
        ("\u200bhidden\u200d", "hidden"),
        ("Bob 🎉", "Bob ."),
        ("", ""),
    ],
)
def test_text_is_brought_back_to_the_letters_of_sepa(given: str, expected: str) -> None:
    assert to_sepa(given, 70) == expected


def test_a_name_without_a_readable_letter_becomes_the_fallback() -> None:
    assert to_sepa("李小龙", 70, "NOTPROVIDED") == "NOTPROVIDED"
    assert to_sepa("---", 70, "NOTPROVIDED") == "NOTPROVIDED"
    assert to_sepa("李小龙", 70) == ""


def test_a_cut_leaves_no_space_or_slash_at_the_end() -> None:
    assert to_sepa("abc /def", 5) == "abc"
    assert to_sepa("Straße", 5) == "Stras"


def test_leading_blanks_do_not_use_up_the_limit() -> None:
    assert to_sepa(" " * 10_000 + "Ada", 3) == "Ada"


@given(st.text(st.characters()), st.integers(1, 140))
@example("\ud800", 3)
@example("ﷺ" * 50, 70)
@example("/" * 100, 10)
def test_any_text_becomes_valid_short_and_stays_as_it_is_the_second_time(text: str, limit: int) -> None:
    result = to_sepa(text, limit, "NOTPROVIDED"[:limit])
    assert set(result) <= ALLOWED
    assert 1 <= len(result) <= limit
    assert result == result.strip(" /")
    assert "//" not in result
    assert to_sepa(result, limit) == result


@pytest.mark.parametrize("text", ["M-1", "a", "A" * 35, "NL/2026/1", "with space", "RF18 5390 0754"])
def test_a_bank_takes_these_references(text: str) -> None:
    assert is_sepa_reference(text)


@pytest.mark.parametrize(
    "text", ["", "A" * 36, "/M1", "M1/", "M//1", " M1", "M1 ", "M_1", "M1\n", "é", "M&1", "<M>", "١٢"]
)
def test_a_bank_refuses_these_references(text: str) -> None:
    assert not is_sepa_reference(text)
