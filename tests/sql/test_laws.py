"""check_laws: each law speaks when it is broken, and only then."""

import pytest

from house import Item


def a_life(house):
    """Two people, two stages: results, one sent back, one in hand, one failed, some of it folded."""
    house.load(6)
    a, b = house.worker(1, "Ada"), house.worker(2, "Bob")
    jobs = house.take(a, 4)
    house.complete([Item(a.token, j.job, j.lease, "made") for j in jobs])
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    house.end_minute()
    house.fold()
    house.take(a, 1)
    house.done(b, house.take(b)[0])
    house.max_attempts = 1
    house.back(b, house.take(b)[0])
    assert house.broken_laws() == []


BREAKS = [
    ("ready is counted", "update tracker.tally set ready = ready + 1 where stage = 2 and slot = -1"),
    ("retry is counted", "update tracker.tally set retry = retry + 1 where stage = 1 and slot = -1"),
    ("done is counted", "update tracker.tally set done = done + 1 where stage = 1 and slot = -1"),
    ("failed is counted", "update tracker.tally set failed = failed + 1 where stage = 2 and slot = -1"),
    ("leased follows from the counts", "delete from tracker.lease"),
    ("a job is in one place of a stage", "insert into tracker.ready (stage, batch, job) select 2, batch, job from tracker.failed, tracker.batch"),
    ("nothing outside the stages", "insert into tracker.ready (stage, batch, job) select 3, batch, 2 from tracker.batch"),
    ("a job has its input", "insert into tracker.ready (stage, batch, job) select 2, batch, 99 from tracker.batch"),
    ("job numbers are dense", "delete from tracker.job where number = 3"),
    ("the last job is the last of the last batch", "update tracker.batch set last = last + 1"),
    ("batches follow each other without gaps", "update tracker.batch set first = first + 1"),
    ("what waits or is in hand names its batch", "update tracker.lease set batch = batch + 1"),
    ("what waits or is in hand names its batch", "update tracker.frontier set batch = batch + 1"),
    ("batches with the counts of their jobs: ready", "update tracker.batch_count set ready = ready + 1 where stage = 2"),
    ("batches with the counts of their jobs: retry", "update tracker.batch_count set retry = retry + 1"),
    ("batches with the counts of their jobs: leased", "delete from tracker.lease"),
    ("batches with the counts of their jobs: done", "update tracker.tally set batch = batch + 1 where slot >= 0"),
    ("batches with the counts of their jobs: failed", "delete from tracker.failed"),
    ("folded counts of batches = those of their stage", "update tracker.batch_count set withdrawn = 0"),
    ("what a batch has waiting is in line", "update tracker.stage set line = '{}' where stage = 2"),
    ("a line is in order, of what may be handed out", "update tracker.batch set paused = true"),
    ("a line is in order, of what may be handed out", "update tracker.batch set cancelled = true"),
    ("a line is in order, of what may be handed out", "update tracker.stage set line = line || line"),
    ("a line is in order, of what may be handed out", "update tracker.stage set line = line || 0"),
    ("withdrawn is set aside", "delete from tracker.refused_output"),
    ("credit = done", "update tracker.person set done = done + 1 where nickname = 'Ada'"),
    # The sum over everybody stays: only a law by person, or by stage, can see these.
    ("people with the credit of their outputs, by stage",
     "update tracker.person_day set person = (select max(id) from tracker.person)"),
    ("people with the credit of their outputs, by stage", "update tracker.credit set stage = 3 - stage"),
    ("people with the credit of their outputs, by stage",
     "update tracker.person_day set done = done - 1, withdrawn = withdrawn - 1"),
    ("people's days = their totals", "update tracker.person_day set done = done + 1"),
    ("boards = days", "update tracker.board set today = today + 1"),
    ("boards = days", "delete from tracker.board"),
    ("history = folded counts: done", "update tracker.history set done = done + 1"),
    ("history = folded counts: withdrawn", "update tracker.history set withdrawn = 0"),
    ("history = folded counts: failed", "update tracker.history set failed = failed + 1"),
    ("workers' results = done, gross", "update tracker.worker set done = done + 1"),
    ("workers with the results that they made", "update tracker.worker set done = 5 - done"),
    ("workers with the attempts that ended badly", "update tracker.worker set struck = 1 - struck"),
    ("workers with the jobs that they hold", "update tracker.worker set holds = 1 - holds"),
    ("leases belong to present workers of their stage", "update tracker.worker set gone_at = now()"),
    ("a hand-out gives one result", "update tracker.output set lease = (select max(lease::text)::uuid from tracker.refused_output)"),
    ("what is in hand has not ended", "update tracker.lease set id = (select max(lease::text)::uuid from tracker.output)"),
    ("what is in hand has not ended", "update tracker.lease set id = (select lease from tracker.strike where kind = 'failed')"),
]


@pytest.mark.parametrize("law, breaks", BREAKS, ids=[f"{n}-{law}" for n, (law, _) in enumerate(BREAKS)])
def test_a_law_that_is_broken_is_told(house, law, breaks):
    a_life(house)
    house.rows("begin")
    house.rows(breaks)
    broken = {r.law for r in house.broken_laws()}
    house.rows("rollback")
    assert law in broken
