"""A short simulation; the long one is tests/simulate/simulate.py by hand."""
import os

import siege
import strangers
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


def test_an_operator_who_steers_batches_at_random_is_obeyed():
    seed = int(os.environ.get("TEST_SEED", "1"))
    wrong, world = simulate(seed, workers=80, jobs=400, chaos_s=15, limit_s=200, steered=True)
    tell(world)
    assert wrong == []
    assert world.steering.deeds <= set(world.ledger.deeds), world.ledger.deeds


def test_strangers_among_them_cost_no_honest_worker_its_life_a_job_or_a_good_result():
    """How fast the honest ones are beside them is measured by simulate.py --hostile, on a quiet machine."""
    course = siege.besiege(int(os.environ.get("TEST_SEED", "1")), siege.SMALL, True)
    siege.tell(course)
    assert course.wrong == []
    assert course.wrong_after_undo == 0
    # The run was worth it: each kind has done what it does.
    assert set(course.got) == {kind.__name__ for kind in strangers.KINDS} and all(sum(what.values()) for what in course.got.values()), course.got
