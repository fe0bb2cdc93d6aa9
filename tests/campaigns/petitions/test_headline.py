"""The number to show large and the goal beside it: one rule for the screens, the mails and the outside world."""

from __future__ import annotations

import pytest

from campaigns.petitions.petition import CONFIRM_POLICIES, Petition
from campaigns.petitions.tally import Count, goal_at, headline
from tests import cast

COUNT = Count(signed=90, confirmed=70, offline=8, as_of=cast.NOW)


@pytest.mark.parametrize(("policy", "number"), [("required", 78), ("soft", 98), ("none", 98)])
def test_what_counts_under_the_policy_and_the_paper_sheets(policy: str, number: int) -> None:
    assert policy in CONFIRM_POLICIES
    assert headline(policy, COUNT) == Petition(confirm_policy=policy).headline(COUNT) == number


@pytest.mark.parametrize(
    ("number", "goal"), [(0, 100), (99, 100), (100, 1000), (999, 1000), (1000, 1000), (5000, 1000)]
)
def test_the_first_goal_not_reached_else_the_last(number: int, goal: int) -> None:
    assert goal_at((100, 1000), number) == Petition(goals=[100, 1000]).goal_at(number) == goal
    assert goal_at((), number) is None
