"""What is posted to a webhook: by the vendor, and by anybody else."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import example, given
from hypothesis import strategies as st

from supporters.money import Money
from supporters.payments.conformance.suite import EXAMPLES, Stage, Suite, no_requests, refused
from supporters.payments.gateway import BadNotification, Gateway, Gone, Misasked, Nudge

LATIN = st.text(st.characters(max_codepoint=255), max_size=200)  # what a server makes of a header's bytes
MEGABYTE = 1_000_000


def hostile_ids(external_id: str) -> list[str]:
    """What a stranger writes where an id belongs; the first of each pair keeps the look of a real one."""
    return [
        "", " ", "a\nb", "..", "/", "\x00", "é", "💶", "tr_1/../../x", "x" * 10_000, "１２３", "null", "%2e%2e%2f",
        "' OR 1=1 --", "{}", "\ud800",
        *(external_id + more for more in ("/../../x", "\n", "\r\nX: y", "?a=b", "#", "%00", " ", "/", "é", "\x00")),
        f" {external_id}", f"\n{external_id}", f"../{external_id}", external_id + "x" * 10_000,
    ]  # fmt: skip


class News(Suite):
    def test_the_vendors_own_news_names_the_payment(self, stage: Stage) -> None:
        gateway, backstage = stage
        paid = self.paid(stage)
        self._named(stage, paid.external_id)
        backstage.refund(paid.external_id, Money(400, gateway.account.currency))
        self._named(stage, paid.external_id)
        backstage.charge_back(paid.external_id, Money(600, gateway.account.currency))
        self._named(stage, paid.external_id)

    def test_a_headers_name_is_read_in_any_case(self, stage: Stage) -> None:
        gateway, backstage = stage
        headers, raw = backstage.news(self.paid(stage).external_id)
        nudges = gateway.notifications(headers, raw, self.now())
        for other in (str.lower, str.upper, str.title):
            written = {other(name): value for name, value in headers.items()}
            assert self._unharmed(gateway, written, raw) == nudges, f"with {sorted(written)} true news was refused"

    def test_news_of_another_payment_cannot_be_made_of_true_news(self, stage: Stage) -> None:
        gateway, backstage = stage
        one, other = self.paid(stage), self.paid(stage)
        headers, raw = backstage.news(one.external_id)
        for mine, theirs in ((one.external_id, other.external_id), (one.transaction_id, other.transaction_id)):
            if mine and theirs and mine.encode() in raw:
                forged = raw.replace(mine.encode(), theirs.encode())
                self._harmless(gateway, headers, forged)

    @EXAMPLES
    @given(data=st.data())
    def test_true_news_that_was_tampered_with_is_refused(self, stage: Stage, data: st.DataObject) -> None:
        gateway, backstage = stage
        headers, raw = backstage.news(self.paid(stage).external_id)
        place = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 3))
        tampered = raw[:place] + data.draw(st.binary(max_size=3)) + raw[place + length :]
        if tampered != raw:
            self._harmless(gateway, headers, tampered)

    @EXAMPLES
    @given(data=st.data())
    def test_a_header_that_was_tampered_with_is_refused(self, stage: Stage, data: st.DataObject) -> None:
        gateway, backstage = stage
        headers, raw = backstage.news(self.paid(stage).external_id)
        name = data.draw(st.sampled_from(sorted(headers)))
        written = {**headers, name: data.draw(LATIN)}
        self._unharmed(gateway, written, raw)
        proof = {key: value for key, value in headers.items() if key.lower() not in ("content-type", "user-agent")}
        for key in proof:
            for value in ("", "sha256=", "é", data.draw(LATIN), *_nearly(proof[key])):
                self._harmless(gateway, {**headers, **dict.fromkeys(proof, ""), key: value}, raw)
        self._harmless(gateway, {}, raw)

    @EXAMPLES
    @example(raw=b"", header="é")
    @given(raw=st.binary(max_size=300), header=LATIN)
    def test_random_bytes_are_refused(self, stage: Stage, raw: bytes, header: str) -> None:
        gateway, backstage = stage
        headers, _ = backstage.news(self.paid(stage).external_id)
        for given_headers in ({}, headers, dict.fromkeys(headers, header)):
            self._harmless(gateway, given_headers, raw)

    def test_garbage_is_refused(self, stage: Stage) -> None:
        gateway, backstage = stage
        external_id = self.paid(stage).external_id
        headers, raw = backstage.news(external_id)
        garbage = [
            b"", b"\x00", b"\n", b"\xff\xfe", b"id=\xff\xfe", b"null", b"[]", b"{}", b"0", b'"id"', b"id", b"id=",
            b"id=&id=", b'{"id": null}', b'{"id": [1]}', b'{"id": {"id": 1}}', b'{"data": {"object": null}}',
            b"<html>504 Gateway Time-out</html>", b"[" * 100_000, b'{"id":' * 50_000, b"1" * 10_000,
            b"x" * MEGABYTE, raw + b" " * MEGABYTE, raw * 2, raw[:-1], raw.decode().encode("utf-16"),
        ]  # fmt: skip
        for body in garbage:
            for given_headers in (headers, {}):
                self._harmless(gateway, given_headers, body)

    def test_an_id_that_is_none_is_refused_or_asked_of_nobody(self, stage: Stage) -> None:
        gateway, backstage = stage
        external_id = self.paid(stage).external_id
        headers, raw = backstage.news(external_id)
        for hostile in hostile_ids(external_id):
            written = hostile.encode("utf-8", "surrogatepass")
            for body in (raw.replace(external_id.encode(), written), b"id=" + written, b'{"id": "' + written + b'"}'):
                for given_headers in (headers, {}):
                    if body != raw or not given_headers:
                        self._harmless(gateway, given_headers, body)

    def test_fetch_refuses_what_is_no_id_before_it_asks(self, stage: Stage) -> None:
        gateway, _ = stage
        for hostile in hostile_ids(self.begun(stage).external_id):
            self._refuses(gateway, hostile)

    @EXAMPLES
    @given(hostile=st.text(max_size=60))
    def test_fetch_refuses_any_text_that_is_no_id(self, stage: Stage, hostile: str) -> None:
        self._refuses(stage[0], hostile)

    def _refuses(self, gateway: Gateway, hostile: str) -> None:
        with no_requests():
            refused(lambda: gateway.fetch(hostile), Misasked)

    def _named(self, stage: Stage, external_id: str) -> None:
        gateway, backstage = stage
        headers, raw = backstage.news(external_id)
        snapshot = gateway.fetch(external_id)
        with no_requests():
            nudges = gateway.notifications(headers, raw, self.now())
        assert nudges, "the news says nothing"
        for nudge in nudges:
            assert nudge.external_id in (snapshot.external_id, snapshot.transaction_id), "it names another payment"
            assert gateway.fetch(nudge.external_id).external_id == external_id
            assert nudge.key in (None, snapshot.key)
            assert nudge.is_live in (None, gateway.account.is_live)

    def _unharmed(self, gateway: Gateway, headers: Mapping[str, str], raw: bytes) -> list[Nudge]:
        """The answer, or none for a BadNotification; nothing else may happen, and nobody is asked."""
        with no_requests():
            try:
                return gateway.notifications(headers, raw, self.now())
            except BadNotification:
                return []
            except Exception as error:
                raise AssertionError(f"a stranger causes {type(error).__name__}: {raw[:80]!r}") from error

    def _harmless(self, gateway: Gateway, headers: Mapping[str, str], raw: bytes) -> None:
        """What is not the vendor's is refused; where some news is unsigned, at most it makes us look."""
        nudges = self._unharmed(gateway, headers, raw)
        assert not (self.signed and nudges), f"this was believed: {raw[:80]!r} with {dict(headers)}"
        for nudge in nudges:
            try:
                gateway.fetch(nudge.external_id)
            except (Misasked, Gone):
                pass
            except Exception as error:
                raise AssertionError(f"an id from a stranger causes {type(error).__name__}") from error


def _nearly(value: str) -> list[str]:
    """Nothing may be missing from a signature, or be longer."""
    return [value[:-1], value[:-1] + ("0" if value[-1:] != "0" else "1"), value[: len(value) // 2]]
