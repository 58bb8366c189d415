"""dataset.certificates.design: pictures are drawn by their weights, and the plan fits the detectors."""

import numpy as np
import pytest

from dataset.certificates.certificate import FIRST
from dataset.certificates.design import choose_plan, drawn_order, ticket


def test_riskier_pictures_are_drawn_sooner_and_nobody_can_choose() -> None:
    """The first drawn is one of the heavy half three times in four, where these weigh three times as much."""
    weights = [3.0] * 50 + [1.0] * 50
    first = [drawn_order([ticket(str(seed), str(n)) for n in range(100)], weights)[0] for seed in range(400)]
    share = np.mean([index < 50 for index in first])
    assert 0.69 < share < 0.81
    assert ticket("a", "1") == ticket("a", "1") != ticket("b", "1")
    assert sorted(drawn_order([0.5, 0.1, 0.9], [1, 1, 1])) == [0, 1, 2]


def test_a_plan_looks_at_the_riskiest_first_where_more_is_wrong_than_may_be() -> None:
    risky = np.concatenate([np.full(100, 0.6), np.full(1900, 0.001)])
    plan = choose_plan(risky, 20, 0.95)
    assert plan.first >= 50
    assert plan.looks is not None
    assert plan.most_looks is not None
    assert plan.first < plan.looks <= plan.most_looks < 1000
    assert plan.stratum_of(0) == FIRST
    assert plan.stratum_of(1999) == len(plan.weight) - 1
    assert np.diff([plan.first, *plan.edges]).sum() == 2000 - plan.first


@pytest.mark.parametrize("count", [1, 2, 13])
def test_a_plan_for_a_handful_looks_at_all(count: int) -> None:
    plan = choose_plan(np.full(count, 0.1), 0, 0.95)
    assert plan.looks == count
