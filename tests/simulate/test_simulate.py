"""A short simulation; the long one is tests/simulate/simulate.py by hand."""
import os

from faults import NAMES
from simulate import VICES, simulate, tell


def test_a_crowd_of_bad_manners_leaves_every_law_intact():
    seed = int(os.environ.get("TEST_SEED", "1"))
    wrong, world = simulate(seed, workers=300, jobs=900, chaos_s=8, limit_s=150)
    tell(world)
    assert wrong == []
    assert VICES <= set(world.ledger.deeds), world.ledger.deeds


def test_servers_that_die_refuse_and_forget_cost_nobody_a_result_or_a_life():
    seed = int(os.environ.get("TEST_SEED", "1"))
    wrong, world = simulate(seed, workers=60, jobs=2000, chaos_s=30, limit_s=240, faults=True)
    tell(world)
    assert wrong == []
    assert NAMES <= set(world.ledger.deeds), world.ledger.deeds
