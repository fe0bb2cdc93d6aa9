"""Mollie's gateway passes what every gateway must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supporters.payments.conformance import GatewayConformance, Stage
from supporters.payments.mollie.session import PAGE
from tests.supporters.payments.mollie_double import staged


class TestMollie(GatewayConformance):
    many = PAGE + 10
    signed = False  # the classic news is only an id

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        with staged() as found:
            yield found.gateway, found.backstage
