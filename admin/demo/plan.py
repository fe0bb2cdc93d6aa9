"""What the year has to add up to: the figures the Dutch Council for Refugees published over 2021.

Published: donors and income of 2021 with their growth, commitments and bequests of both years, the lottery and its
earmark, the foundations' sum, three subsidies. The rest is made up: how sums divide over givers, what institutions gave
in 2020, and companies and municipalities, whose amounts the annual report does not state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

SEED = "vluchtelingenwerk-2021"
YEARS = (2020, 2021)
#: When the demo begins: what was there before arrives from the old system.
MIGRATED_AT = datetime(2019, 12, 16, 9, 0, tzinfo=UTC)
#: When it stands still: the first Monday of the new year, with the January collection still to be made.
NOW = datetime(2022, 1, 3, 8, 0, tzinfo=UTC)
TODAY = date(2022, 1, 3)

GENERAL, EMERGENCY, EARMARK = "general", "noodfonds", "lottery-borders"
FUNDS = (
    (GENERAL, "Algemene middelen", False),
    (EMERGENCY, "VluchtelingenFonds (noodfonds)", True),
    (EARMARK, "Postcode Loterij: werk, jongeren, de grenzen van Europa", True),
    ("projecten", "Projecten van fondsen", True),
)

LOTTERY = "Nationale Postcode Loterij"
FOUNDATIONS = (
    "Stichting Kinderpostzegels", "Adessium Foundation", "Porticus", "ZonMw", "Oranje Fonds", "VSBfonds",
    "Rabo Foundation", "Fred Foundation", "Bernard van Leer Foundation", "UWV",
)  # fmt: skip
JUSTICE, LEGAL_AID, SOCIAL_AFFAIRS = (
    "Ministerie van Justitie en Veiligheid", "Raad voor Rechtsbijstand",
    "Ministerie van Sociale Zaken en Werkgelegenheid",
)  # fmt: skip
COMPANIES = ("Bakkerij De Korenaar B.V.", "Noorderlicht Advocaten", "Van Houten Logistiek B.V.", "Studio Zeeman")
MUNICIPALITIES = ("Gemeente Rivierdal", "Gemeente Oosterhaven", "Gemeente Zandvoorde")


@dataclass(frozen=True, slots=True)
class Year:
    """Targets of one year; amounts in cents."""

    donors: int
    living: int
    bequests: int
    #: People with a commitment: on 1 January, begun in the year, ended in it.
    at_start: int
    begun: int
    ended: int
    lottery: int
    earmarked: int
    foundations: int
    justice: int
    legal_aid: int
    social_affairs: int
    companies: int
    municipalities: int

    @property
    def at_end(self) -> int:
        return self.at_start + self.begun - self.ended


@dataclass(frozen=True, slots=True)
class Plan:
    """The two years at one in ``one_in`` of their size.

    Amounts divide exactly by 100. Of people, halves and less are dropped: 871 donors and 757 the year before (of
    75,739), 493 commitments (of 49,340) and 455.
    """

    one_in: int
    years: dict[int, Year]

    @classmethod
    def of(cls, one_in: int) -> Plan:
        def n(count: int) -> int:
            return count // one_in

        def euros(amount: int) -> int:
            if amount * 100 % one_in:
                raise ValueError(f"EUR {amount} does not divide by {one_in}")
            return amount * 100 // one_in

        start, middle, end = n(43_000), n(45_500), n(49_340)
        begun = {2020: n(6_700), 2021: n(9_040)}
        return cls(
            one_in,
            {
                2020: Year(
                    donors=n(75_739), living=euros(6_868_000), bequests=euros(600_000),
                    at_start=start, begun=begun[2020], ended=start + begun[2020] - middle,
                    lottery=euros(9_900_000), earmarked=0, foundations=euros(1_142_000), justice=euros(9_964_000),
                    legal_aid=euros(1_048_000), social_affairs=euros(1_012_000), companies=euros(96_000),
                    municipalities=euros(610_000),
                ),
                2021: Year(
                    donors=n(87_100), living=euros(8_382_000), bequests=euros(1_700_000),
                    at_start=middle, begun=begun[2021], ended=middle + begun[2021] - end,
                    lottery=euros(10_000_000), earmarked=euros(2_000_000), foundations=euros(1_209_000),
                    justice=euros(10_170_000), legal_aid=euros(1_062_000), social_affairs=euros(1_077_000),
                    companies=euros(118_000), municipalities=euros(640_000),
                ),
            },
        )  # fmt: skip

    def some(self, count: int, *, least: int = 1) -> int:
        """A count at this size, where none at all would leave the demo without an example."""
        return max(least, count // self.one_in)


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def next_month(day: date, months: int = 1) -> date:
    """The first of the month so many months after that of ``day``."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def shares(total: int, weights: list[int], *, round_to: int = 100) -> list[int]:
    """``total`` divided by weight in round amounts; the first takes what rounding leaves."""
    whole = sum(weights)
    parts = [total * weight // whole // round_to * round_to for weight in weights]
    parts[0] += total - sum(parts)
    return parts
