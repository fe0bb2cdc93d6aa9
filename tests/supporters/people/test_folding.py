from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.people.folding import LONGEST, fold, tokens_for_query, tokens_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Ada   LOVELACE ", "ada lovelace"),
        ("Müller-Straße", "muller-strasse"),
        ("Øystein Æbelø", "oystein aebelo"),
        ("ÿzerman", "ijzerman"),
        ("Ĳzerman", "ijzerman"),
        ("Łukasz Đorđević", "lukasz dordevic"),
        ("in ’t Veld", "in 't veld"),
        ("e\u0301", "e"),
        ("İstanbul", "istanbul"),
        ("a\x00b\ud800\u200b", "ab"),
    ],
)
def test_folding_leaves_lower_case_without_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_and_a_database_takes_the_result(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert "\x00" not in folded
    folded.encode()


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("Van den Berg, Ada", ["van", "den", "berg", "ada"]),
        ("1012 AB", ["1012ab"]),
        ("1012ab", ["1012ab"]),
        ("jansen 1012 ab", ["jansen", "1012ab"]),
        ("1012 de vries", ["1012", "de", "vries"]),
        ("NL91 ABNA 0417 1643 00", ["nl91abna0417164300"]),
        ("nl91abna0417164300 jansen", ["nl91abna0417164300", "jansen"]),
        ("NL91 ABNA 0417 1643 00 jansen", ["nl91abna0417164300", "jansen"]),
        ("BE68 5390 0754 7034 anna", ["be68539007547034", "anna"]),
        ("020 123 4567", ["0201234567"]),
        ("+31 (0)20 1234567", ["31201234567"]),
        ("0031 20 123 45 67 jan", ["31201234567", "jan"]),
        ("06-12345678", ["0612345678"]),
        ("S123", ["s0000123"]),
        ("0000123", ["0000123"]),
        ("<Ada@Example.org>", ["ada@example.org"]),
        ("J.P. Jansen", ["jp", "jansen"]),
        ("O'Brien", ["obrien"]),
        ("M-2017/0042, ada.berg1", ["m-2017/0042", "ada.berg1"]),
        ("50-plus", ["50-plus"]),
        ("Jansen-de Vries", ["jansen", "de", "vries"]),
        ("ada ada", ["ada"]),
        (" \x00 -- ", []),
    ],
)
def test_a_query_becomes_the_words_it_means(query: str, tokens: list[str]) -> None:
    assert tokens_for_query(query) == tokens


def test_a_supporter_has_a_token_for_everything_somebody_may_type() -> None:
    tokens = tokens_of(
        names=["Ada", "J.P.", "van den", "Berg-O'Brien", "", "Fonds 50-plus"],
        emails=["Ada.Berg@example.org"],
        ibans=["NL91ABNA0417164300"],
        postcodes=["1012 AB", "SW1A 1AA"],
        number=123,
        references=["M-2017-0042"],
        phones=["+31201234567"],
    )
    for query in (
        "ada", "j.p.", "jp van den berg", "o'brien", "brien", "ada.berg@example.org", "ada.berg",
        "nl91 abna 0417 1643 00", "NL91ABNA04", "1012 AB", "1012", "sw1a 1aa", "S0000123", "s123", "123", "0000123",
        "M-2017-0042", "m-2017", "50-plus", "plus", "020-1234567",
        "+31 20 123 4567",
    ):  # fmt: skip
        for word in tokens_for_query(query):
            assert any(token.startswith(word) for token in tokens), (query, word)


@given(st.text(alphabet="abcdeénß'’-. ABÿØ1,/", max_size=80))
def test_whatever_a_name_is_typing_it_whole_finds_it(name: str) -> None:
    tokens = tokens_of(names=[name])
    assert all(any(token.startswith(word) for token in tokens) for word in tokens_for_query(name))


@given(st.text())
def test_no_token_is_empty_or_wider_than_its_column(text: str) -> None:
    everything = tokens_of(
        names=[text], emails=[text], ibans=[text], postcodes=[text], references=[text], phones=[text]
    )
    for token in [*everything, *tokens_for_query(text)]:
        assert 0 < len(token) <= LONGEST
        token.encode()
