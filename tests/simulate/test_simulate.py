"""A short simulation; the long one is tests/simulate/simulate.py by hand."""
import os

from simulate import simulate, tell


def test_a_crowd_of_bad_manners_leaves_every_law_intact():
    seed = int(os.environ.get("TEST_SEED", "1"))
    wrong, world = simulate(seed, workers=300, jobs=600, chaos_s=6, limit_s=90)
    tell(world)
    assert wrong == []
    # The run was worth it: the vices happened.
    assert {"died", "late", "accepted", "fenced", "handed"} <= set(world.ledger.deeds), world.ledger.deeds
