from __future__ import annotations

from tests.supporters.payments.online.conftest import till as till
from tests.supporters.web.conftest import site as site
from tests.supporters.web.conftest import visitor as visitor
