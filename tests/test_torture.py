"""The torture run in small: a few rounds on each database, and a harness that is not blind.

``make torture ROUNDS=1000`` is the whole of it; what it is and does stands in ``tests/torture/__init__.py``.
"""

import random
from datetime import date

import pytest

from tests.torture import plan, points, world
from tests.torture.__main__ import main
from tests.torture.mutants import MUTANTS

SEED = "2026"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_violated_while_processes_die(database, capfd):
    status = main(["--rounds", "2", "--seed", SEED, "--database", database])

    told = capfd.readouterr().out
    assert status == 0, told
    assert "0 violations" in told


@pytest.mark.parametrize("name", ["booking-from-the-return-url", "signature-unchecked"])
def test_a_removed_control_is_seen(name, capfd):
    assert main(["--rounds", "4", "--seed", SEED, "--mutant", name]) == 1
    assert "VIOLATION" in capfd.readouterr().out


def test_at_least_ten_controls_can_be_removed():
    assert len(MUTANTS) >= 10
    assert all(callable(one.remove) and one.remove.__doc__ for one in MUTANTS.values())


def test_a_round_is_a_function_of_its_seed():
    drawn = [plan.draw(7, number) for number in range(1, 40)]

    assert drawn == [plan.draw(7, number) for number in range(1, 40)]
    assert drawn != [plan.draw(8, number) for number in range(1, 40)]


def test_every_point_stands_in_the_product_and_every_kind_of_process_dies_somewhere():
    for point in points.POINTS:
        if point.target:
            owner, name = points.find(point.target)
            assert callable(getattr(owner, name)), point.name
    assert {who for point in points.POINTS for who in point.who} == set("wdshr")
    assert all(points.named(name) for name in points.STOPPABLE)


def test_plans_come_by_every_point():
    dice, met = random.Random(1), set()
    for _ in range(3000):
        for who in "dshr":
            met.add(plan._fate(dice, who)[0])

    assert {point.name for point in points.POINTS if set("dshr") & set(point.who)} == met


@pytest.mark.parametrize(
    ("charge", "today", "periods"),
    [
        ({"starts": "2026-12-05", "months": 1, "arrears": False}, date(2026, 12, 4), []),
        ({"starts": "2026-12-05", "months": 1, "arrears": False}, date(2026, 12, 5), ["2026-12-05"]),
        ({"starts": "2026-12-05", "months": 1, "arrears": True}, date(2027, 1, 3), []),
        ({"starts": "2026-12-05", "months": 1, "arrears": True}, date(2027, 1, 4), ["2026-12-05"]),
        ({"starts": "2026-12-05", "months": 3, "arrears": False}, date(2027, 3, 4), ["2026-12-05"]),
    ],
)  # fmt: skip
def test_the_harness_counts_periods_on_its_fingers(charge, today, periods):
    assert world.expected_periods(charge, today) == periods
