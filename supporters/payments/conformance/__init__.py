# ruff: noqa: E402
"""The tests that a gateway must pass, for gateways of this project and of others. Needs pytest and hypothesis.

    class TestMine(GatewayConformance):
        @pytest.fixture
        def stage(self):
            gateway = MyGateway(account, now=clock)
            return gateway, MyBackstage(gateway)

Each test asks for a fresh ``stage`` and knows nothing but the two protocols. What it cannot know of a vendor, a
subclass says: see ``Suite``. The account needs a key and webhook secrets of at least eight characters, since the suite
looks for them in errors.
"""

import pytest

_PARTS = ("data", "going_back", "mandates", "news", "paying", "suite", "trouble")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))  # so that a failure shows both sides

from supporters.payments.conformance.data import Data
from supporters.payments.conformance.going_back import GoingBack
from supporters.payments.conformance.mandates import Mandates
from supporters.payments.conformance.news import News
from supporters.payments.conformance.paying import Paying
from supporters.payments.conformance.suite import Stage, Suite
from supporters.payments.conformance.trouble import Trouble


class GatewayConformance(Paying, Mandates, GoingBack, Trouble, News, Data):
    """All of it."""


__all__ = ["GatewayConformance", "Stage", "Suite"]
