"""What batches need and workers have, and rates of batches and stages."""

import psycopg2
import pytest

from house import Ask
from test_batches import audit, counts, through, tidy


@pytest.fixture(autouse=True, params=["quick", "long"])
def way(request, house):
    house.quick = request.param == "quick"


def needs(house, batch, words):
    return house.value("select tracker.set_batch_needs(%s, %s)", batch, words)


def rate(house, batch, jobs):
    return house.value("select tracker.set_batch_rate(%s, %s)", batch, jobs)


def stage_rate(house, stage, jobs):
    return house.value("select tracker.set_stage_rate(%s::int2, %s)", stage, jobs)


def having(house, words, stage=1, **more):
    w = house.worker(stage, **more)
    assert [r.worker for r in house.says(w, words)] == [w.id]
    return w


def later(house, seconds):
    """Time passes for all gates."""
    house.rows("update tracker.gate set free_at = free_at - %s * interval '1 s'", seconds)


def work(house, stage=1):
    return {r.words: (r.now, r.later) for r in house.rows("select * from tracker.read_work()") if r.stage == stage}


# ---- words

def test_words_get_bits_and_are_written_small_and_once(house):
    batch = house.load(1)
    assert needs(house, batch, "GPU, ram32  gpu")
    assert house.value("select tracker.mask_words(needs) from tracker.batch") == "gpu,ram32"
    assert not needs(house, batch, "ram32,gpu")
    assert audit(house) == [("set needs", 'batch "load"', {"needs": "gpu,ram32"})]
    assert needs(house, batch, "")
    assert house.value("select needs from tracker.batch") == 0
    assert not needs(house, batch + 1, "gpu")


@pytest.mark.parametrize("words", ["b@d", "-x", "gpu;drop table", "x" * 33, "größer", "a\nb", "\u202egpu", "'", "a,\x1b[31m"])
def test_what_is_no_word_is_refused_in_one_line(house, words):
    batch = house.load(1)
    with pytest.raises(psycopg2.Error) as e:
        needs(house, batch, words)
    assert e.value.pgcode == "TR003"
    said = e.value.diag.message_primary
    assert "is no word" in said and said.isprintable(), said
    assert house.value("select count(*) from tracker.word") == 0


def test_there_are_64_words_and_one_that_nobody_needs_gives_way(house):
    full, other = house.load(1), house.load(1)
    assert needs(house, full, ",".join(f"w{n}" for n in range(64)))
    with pytest.raises(psycopg2.Error, match='none is left for "gpu"'):
        needs(house, other, "gpu")
    w = having(house, ",".join(f"w{n}" for n in range(64)))
    assert house.row(w).has == -1
    assert needs(house, full, ",".join(f"w{n}" for n in range(1, 64)))
    old = having(house, "w0")
    new = having(house, "gpu")
    assert house.row(old).has == 1 and house.row(new).has is None
    assert needs(house, other, "gpu")
    assert house.row(old).has is None or house.row(old).has == 0
    assert house.row(new).has == 1
    assert house.value("select tracker.mask_words(needs) from tracker.batch where batch = %s", other) == "gpu"
    assert [j.job for j in house.take(new)] == [2]
    # A batch that gives its own up for others.
    assert needs(house, full, ",".join(f"v{n}" for n in range(63)))


def test_what_is_over_or_cancelled_keeps_no_word_from_a_new_one(house):
    first = [house.load(1) for _ in range(3)]
    for batch, words in zip(first, (range(0, 20), range(20, 40), range(40, 64))):
        assert needs(house, batch, ",".join(f"w{n}" for n in words))
    house.max_attempts = 1
    w = having(house, ",".join(f"w{n}" for n in range(64)))
    jobs = house.take(w, 3)
    house.back(w, jobs[0])  # failed: over, but it may be put back
    house.value("select tracker.cancel_batch(%s)", first[1])
    house.done(w, jobs[2])  # its next stage is to come
    new = house.load(1)
    with pytest.raises(psycopg2.Error, match="open batches need 64 words"):
        needs(house, new, ",".join(f"v{n}" for n in range(41)))
    house.done(w, jobs[1])
    house.end_minute()
    house.fold()
    # Of a cancelled batch first, then of one that is over: what comes back of that waits until somebody has said what it needs.
    assert needs(house, new, ",".join(f"v{n}" for n in range(20)))
    assert [house.value("select tracker.mask_words(needs) from tracker.batch where batch = %s", b).count("w") for b in first] == [20, 0, 24]
    assert needs(house, new, ",".join(f"v{n}" for n in range(21)))
    paused, why, left = house.rows("select paused, paused_why, tracker.mask_words(needs) from tracker.batch where batch = %s", first[0])[0]
    assert paused and "it needed w0, a word that gave way" in why and left.count("w") == 19
    house.value("select tracker.requeue_failed(1::int2, null)")
    assert house.new_job(having(house, "w1")).status == "none"
    assert needs(house, first[2], "w0") and needs(house, first[0], "w0")
    assert house.value("select tracker.resume_batch(%s)", first[0])
    assert house.new_job(having(house, "w0")).job == 1


def test_words_that_nobody_needs_are_harmless_and_count_once_somebody_does(house):
    w = having(house, "cuda12,gpu,odd")
    plain = house.worker()
    assert house.row(w).has is None and house.row(plain).words is None
    batch = house.load(2)
    assert needs(house, batch, "gpu")
    assert house.new_job(plain).status == "none"
    assert house.new_job(w).job == 1
    house.says(w, "")
    assert house.done(w) == "accepted"
    assert (house.row(w).words, house.new_job(w).status) == (None, "none")


def test_who_registers_says_what_it_has_in_the_same_call(house):
    batch = house.load(2)
    needs(house, batch, "gpu")
    w = house.stranger()
    (r,) = house.rows("select * from tracker.open_workers(tokens => %s::uuid[], names => %s, stages => %s::int2[],"
                      " nicknames => %s, addresses => %s, labels => %s, said => %s)", [w.token], [w.name], [1],
                      [w.nickname], ["192.0.2.1"], [""], ["gpu,more"])
    assert r.status == "opened"
    assert house.row(w).words == ["gpu", "more"]
    assert house.new_job(w).job == 1


# ---- needs

@pytest.mark.parametrize("stage", [1, 2])
def test_who_lacks_a_word_gets_the_next_batch_that_fits(house, stage):
    both, gpu, plain = house.load(2), house.load(2), house.load(2)
    if stage == 2:
        through(house, 1, 6)
    needs(house, both, "gpu,ram32")
    needs(house, gpu, "gpu")
    a, b, c = having(house, "", stage), having(house, "gpu", stage), having(house, "ram32,gpu,x", stage)
    rows = house.claim([Ask(w.token, v1=True) for w in (a, b, c)])
    assert sorted((r.item, r.status, r.job) for r in rows) == [(1, "job", 5), (2, "job", 3), (3, "job", 1)]
    assert [j.job for j in house.take(house.worker(stage))] == [6]
    assert house.want(house.worker(stage))[0].status == "none"
    more = having(house, "gpu,ram32", stage)
    assert [j.job for j in house.take(more, 2)] == [2, 4]
    assert [counts(house, x)[stage][:3] for x in (both, gpu, plain)] == [(0, 0, 2)] * 3


def test_one_bundle_of_fleets_deals_each_what_fits_and_who_waits_longest_first(house):
    gpu, plain = house.load(3), house.load(3)
    needs(house, gpu, "gpu")
    a, b, c = house.worker(), having(house, "gpu"), house.worker()
    rows = house.claim([Ask(a.token, 2, 10), Ask(b.token, 4, 20), Ask(c.token, 2, 30)])
    got = {n: sorted(r.job for r in rows if r.item == n and r.status == "job") for n in (1, 2, 3)}
    assert got[2][:3] == [1, 2, 3]
    assert sorted(got[1] + got[2][3:] + got[3]) == [4, 5, 6]
    assert len(got[3]) == 1 and len(got[2]) == 4 and len(got[1]) == 1


def test_what_came_back_needs_what_its_batch_needs(house):
    batch = house.load(1)
    needs(house, batch, "gpu")
    w = having(house, "gpu")
    (job,) = house.take(w)
    house.back(w, job)
    house.make_due()
    assert house.want(house.worker())[0].status == "none"
    assert house.new_job(house.worker()).status == "none"
    assert [j.job for j in house.take(having(house, "gpu"))] == [1]


def test_who_is_passed_over_gets_another_batch_and_else_what_it_had(house):
    first, second = house.load(1), house.load(1)
    needs(house, first, "gpu")
    needs(house, second, "gpu")
    w = having(house, "gpu")
    (job,) = house.take(w)
    house.back(w, job)
    house.make_due()
    assert [j.job for j in house.take(w)] == [2]
    assert [j.job for j in house.take(w)] == [1]


def test_none_tells_what_the_worker_has(house):
    batch = house.load(1)
    needs(house, batch, "gpu,ram32")
    house.load(0 + 1)
    house.take(having(house, "gpu,ram32"), 2)
    w = having(house, "ram32")
    mask = house.row(w).has
    assert mask and house.new_job(w).job == house.want(w)[0].job == mask
    assert house.new_job(house.worker()).job is None


def test_an_answer_of_several_batches_keeps_within_its_limit(house):
    house.answer_limit = 1000
    gpu, plain = house.load(1, data="é" * 300), house.load(2, data="ö" * 300)  # 600 bytes each
    needs(house, gpu, "gpu")
    w = having(house, "gpu")
    assert [r.job for r in house.want(w, 3) if r.status == "job"] == [1]
    assert [r.job for r in house.want(w, 3) if r.status == "job"] == [2]
    assert counts(house, plain)[1][2] == 1
    assert gpu


def test_a_thousand_that_need_what_is_not_here_cost_no_look(house, monkeypatch):
    batches = [house.load(1) for _ in range(60)]
    for batch in batches[:-1]:
        needs(house, batch, "gpu")
    w = house.worker()
    before = house.called("has_work")
    assert house.new_job(w).job == 60
    assert house.called("has_work") - before <= 1


@pytest.mark.parametrize("gated", [False, True])
def test_eight_without_work_are_tried_and_the_rest_once_a_second(house, gated):
    batches = [house.load(1) for _ in range(12)]
    w = having(house, "gpu")
    house.take(w, 11)
    if gated:
        for batch in batches:
            needs(house, batch, "gpu")
    # The line as it is before the keeper comes: eleven without work, one with.
    house.rows("select set_config('tracker.look_on_1', (clock_timestamp() + interval '1 s')::text, false)")
    assert house.want(w)[0].status == "none"
    house.rows("select set_config('tracker.look_on_1', (clock_timestamp() - interval '1 s')::text, false)")
    assert [j.job for j in house.take(w)] == [12]


# ---- rates

def test_a_rate_lets_a_burst_of_a_second_pass_then_one_at_its_time(house):
    batch = house.load(100)
    assert rate(house, batch, 600)
    assert audit(house) == [("set rate", 'batch "load"', {"rate": 600})]
    w = house.worker()
    assert len([r for r in house.want(w, 50) if r.status == "job"]) == 10
    assert house.want(w)[0].status == "none"
    ((stage, mask, after_us, jobs),) = house.waits
    assert (stage, mask, jobs) == (1, 0, 1) and 50000 <= after_us <= 100000
    later(house, 0.3)
    assert len([r for r in house.want(w, 50) if r.status == "job"]) in (3, 4)
    later(house, 100)
    assert len([r for r in house.want(w, 50) if r.status == "job"]) == 10
    assert rate(house, batch, 0)
    assert not rate(house, batch, 0)
    assert len([r for r in house.want(w, 100) if r.status == "job"]) >= 75
    assert not rate(house, batch + 1, 5)


def test_a_slow_rate_is_one_job_at_a_time(house):
    batch = house.load(5)
    rate(house, batch, 1)
    w = house.worker()
    assert [r.status for r in house.want(w, 5)] == ["job"]
    assert house.new_job(w).status == "none"
    assert 50e6 <= house.waits[0][2] <= 60e6
    later(house, 53)
    assert house.new_job(w).status == "none"
    later(house, 2)
    assert house.new_job(w).status == "job"


@pytest.mark.parametrize("jobs", [-1, 6000001, None])
def test_what_is_no_rate_is_refused(house, jobs):
    batch = house.load(1)
    for act in (rate, lambda *a: stage_rate(house, 1, a[2])):
        with pytest.raises(psycopg2.Error, match="a rate is 0 to 6000000"):
            act(house, batch, jobs)


def test_retries_pass_whatever_the_rate(house):
    batch = house.load(5)
    rate(house, batch, 1)
    w, other = house.worker(), house.worker()
    (job,) = house.want(w, 5)
    house.back(w, job)
    house.make_due()
    assert [r.job for r in house.want(other, 5)] == [1]
    assert house.want(other, 5)[0].status == "none"


def test_a_rate_does_not_hold_up_another_batch(house):
    slow, other = house.load(5), house.load(5)
    rate(house, slow, 1)
    w = house.worker()
    assert [j.job for j in house.take(w, 4)] == [1, 6, 7, 8]
    assert house.new_job(w).job == 9
    assert other


@pytest.mark.parametrize("stage", [1, 2])
def test_a_stage_has_a_rate_over_all_its_batches(house, stage):
    house.load(10)
    house.load(10)
    if stage == 2:
        through(house, 1, 20)
    assert stage_rate(house, stage, 120)
    assert not stage_rate(house, stage, 120)
    w = house.worker(stage)
    assert [r.job for r in house.want(w, 5)] == [1, 2]
    assert house.want(w)[0].status == house.new_job(w).status == "none"
    assert house.waits[0][3] == 1
    later(house, 0.5)
    assert house.new_job(w).job == 3
    assert stage_rate(house, stage, 0)
    assert len(house.take(w, 17)) == 17
    assert not stage_rate(house, 5, 7)
    assert audit(house)[0] == ("set rate", f"stage {'ab'[stage - 1]}", {"rate": 120})


def test_the_slower_of_two_rates_holds(house):
    batch = house.load(50)
    rate(house, batch, 600)
    stage_rate(house, 1, 180)
    assert len([r for r in house.want(house.worker(), 50)]) == 3
    later(house, 1)
    stage_rate(house, 1, 6000)
    assert len([r for r in house.want(house.worker(), 50)]) == 10


@pytest.mark.parametrize("v1", [True, False])
def test_who_gets_nothing_hears_how_many_of_its_words_nobody_has_needed(house, v1):
    """So that a call that waits is asked anew when one of them comes into use."""
    w, plain = having(house, "gpu,npu"), house.worker()

    def unneeded(worker):
        (r,) = [house.new_job(worker)] if v1 else house.want(worker)
        assert r.status == "none"
        return r.attempt
    assert (unneeded(w), unneeded(plain)) == (2, 0)
    batch = house.load(1)
    needs(house, batch, "gpu")
    house.value("select tracker.pause_batch(%s)", batch)
    assert (unneeded(w), unneeded(plain)) == (1, 0)


@pytest.mark.parametrize("before, after", [(1, 600), (1, 6000000), (60, 120)])
def test_a_quicker_rate_holds_from_the_moment_it_is_set(house, before, after):
    """The job that passed counts as one of the new rate."""
    batch = house.load(50)
    rate(house, batch, before)
    w = house.worker()
    house.take(w)
    rate(house, batch, after)
    later(house, 61 / after)
    house.take(w)


def test_a_slower_rate_gives_nothing_back(house):
    """Nor does the whole burst of a quick one have to be waited for."""
    batch = house.load(5000)
    rate(house, batch, 60000)
    assert len(house.want(house.worker(), 1000)) == 1000
    w = house.worker()
    rate(house, batch, 2)
    assert house.want(w)[0].status == "none" and house.waits[0][2] <= 34 * 10**6
    later(house, 34)
    house.take(w)


@pytest.mark.parametrize("back_s", [10, 60, 100, 1000, 10**7])
def test_a_clock_set_back_holds_nothing_up_for_longer_than_two_bursts(house, back_s):
    batch = house.load(50)
    rate(house, batch, 1)
    w = house.worker()
    house.take(w)
    later(house, -back_s)
    if not [r for r in house.want(w) if r.status == "job"]:
        later(house, 115)
        house.take(w)


def test_who_waits_for_a_turn_that_it_does_not_fit_hears_nothing_of_it(house):
    batch = house.load(50)
    needs(house, batch, "gpu")
    rate(house, batch, 1)
    w, plain = having(house, "gpu"), house.worker()
    house.take(w)
    house.want(plain)
    assert house.waits == []
    house.want(w)
    assert house.waits[0][1] == 1


def test_two_that_take_at_once_have_one_rate(house, server):
    batch = house.load(100)
    rate(house, batch, 600)
    other = server.connect()
    other.autocommit = False
    w = house.worker()
    with other.cursor() as c:
        c.execute("select cardinality(jobs) from tracker.take_gated(1::int2, %s, 7, 0)", [batch])
        assert c.fetchone()[0] == 7
        house.rows("set lock_timeout = '200ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            house.want(w, 10)
        house.rows("set lock_timeout = 0")
    other.rollback()
    other.close()
    assert len(house.want(w, 20)) == 10


# ---- what is told

def test_work_is_counted_by_what_it_needs_and_by_whose_turn_has_come(house):
    gpu, slow, plain = house.load(12), house.load(100), house.load(5)
    assert house.rows("select * from tracker.read_work()") == []
    assert not house.counts(1).gated
    needs(house, gpu, "gpu")
    rate(house, slow, 120)
    assert house.counts(1).gated and not house.counts(2).gated
    assert work(house) == {"": (7, 98), "gpu": (12, 0)}
    w = having(house, "gpu")
    jobs = house.take(w, 3)
    assert work(house)["gpu"] == (9, 0)
    house.back(w, jobs[0])
    assert work(house)["gpu"] == (9, 0)
    house.make_due()
    assert work(house)["gpu"] == (10, 0)
    stage_rate(house, 1, 60)
    assert work(house)["gpu"] == (2, 8)
    house.rows("select tracker.set_paused(1::int2, true)")
    assert work(house) == {}
    assert plain


def test_why_a_batch_stands_still(house):
    gpu, slow, paused, plain = (house.load(5) for _ in range(4))
    needs(house, gpu, "gpu,ram32")
    rate(house, slow, 1)
    house.rows("select tracker.pause_batch(%s)", paused)

    def still():
        return {r.batch: r.why for r in house.rows("select * from tracker.read_still(null)")}
    assert still() == {gpu: "no worker here has gpu, ram32", paused: "paused"}
    house.take(house.worker())
    assert still()[slow] == "rate"
    w = having(house, "gpu,ram32")
    assert gpu not in still()
    house.bye(w)
    assert gpu in still()
    assert [r.batch for r in house.rows("select * from tracker.read_still(array[%s, %s])", plain, paused)] == [paused]


def test_a_rate_holds_up_what_waits_in_the_first_stage_alone(house):
    """What is in hand, or waits in a later stage, waits for no turn of stage A."""
    batch = house.load(2)
    rate(house, batch, 1)
    why = f"select why from tracker.read_still(array[{batch}])"
    w = house.worker()
    (job,) = house.take(w)
    assert house.value(why) == "rate"
    later(house, 90)
    house.take(w)
    assert house.rows(why) == []
    house.done(w, job)
    assert house.counts(2).ready == 1 and house.rows(why) == []


def test_a_line_that_needs_nothing_any_more_is_as_before(house):
    batch, plain = house.load(5), house.load(5)
    needs(house, batch, "gpu")
    rate(house, plain, 60)
    needs(house, batch, "")
    rate(house, plain, 0)
    stage = house.rows("select needs, plain from tracker.stage where stage = 1")[0]
    assert stage == (None, batch)
    assert house.new_job(house.worker()).job == 1


def test_the_keeper_takes_gated_ones_without_work_out(house):
    batches = [house.load(1) for _ in range(4)]
    for batch in batches:
        needs(house, batch, "gpu")
    house.take(having(house, "gpu"), 3)
    assert tidy(house) == 3
    assert house.rows("select line, cardinality(needs) as n from tracker.stage where stage = 1")[0] == ([batches[3]], 1)


@pytest.mark.parametrize("first, then", [("gpu9", "cpu9"), ("cpu9", "gpu9")])
def test_who_has_two_words_has_both_bits_when_the_second_comes_into_use(house, first, then):
    w = having(house, "cpu9,gpu9")
    for word in (first, then):
        needs(house, house.load(1, name=word), word)
    assert house.broken_laws() == []
    assert len(house.take(w, 2)) == 2


# ---- exact edges

def test_a_word_of_32_letters_is_one(house):
    batch = house.load(1)
    assert needs(house, batch, "x" * 32)


def test_one_word_of_two_is_not_enough(house):
    batch, plain = house.load(1), house.load(1)
    needs(house, batch, "gpu,ram32")
    half, whole = having(house, "gpu"), having(house, "gpu,ram32")
    rows = house.claim([Ask(half.token, v1=True, age_us=10**6), Ask(whole.token, v1=True)])
    assert sorted((r.item, r.job) for r in rows) == [(1, 2), (2, 1)]
    assert plain and house.new_job(having(house, "ram32")).status == "none"


def test_a_turn_is_told_to_who_has_all_of_what_it_needs(house):
    batch = house.load(5)
    needs(house, batch, "gpu,ram32")
    rate(house, batch, 1)
    house.take(having(house, "gpu,ram32"))
    assert house.want(having(house, "gpu"))[0].status == "none"
    assert house.waits == []


def test_a_quick_rate_wakes_no_more_than_twenty_times_a_second(house):
    """Its next turn is in 40 ms; what was 40 ms ago by the time it is asked, is asked again."""
    batch = house.load(5000)
    rate(house, batch, 1500)
    for _ in range(100):
        rows = house.rows("update tracker.gate set free_at = clock_timestamp() + interval '1 second';"
                          " select after_us from tracker.list_waits(1::int2, array[0::int8])")
        if rows:
            break
    assert [r.after_us for r in rows] == [50000]


def test_needs_are_told_in_the_order_of_the_alphabet(house):
    """Whatever the bits are; so saying the same words again changes nothing."""
    one, other = house.load(1), house.load(1)
    needs(house, one, "zeta")
    needs(house, other, "beta,zeta")
    assert house.value("select tracker.mask_words(needs) from tracker.batch where batch = %s", other) == "beta,zeta"
    assert not needs(house, other, "zeta,beta")


def test_who_is_gone_says_nothing_any_more(house):
    w = house.worker()
    house.bye(w)
    assert house.says(w, "gpu") == []
    assert house.row(w).words is None


def test_a_bit_that_is_used_again_is_had_by_nobody_who_had_the_word_of_before(house):
    full = house.load(1)
    needs(house, full, ",".join(f"w{n:02}" for n in range(64)))
    old = having(house, "w00,w01")
    assert house.row(old).has == 3
    needs(house, full, "w01")
    other = house.load(1)
    needs(house, other, "gpu")  # takes the bit of the first that nobody needs
    assert house.row(old).has == 2
    assert house.broken_laws() == []


def test_a_batch_that_needs_64_words_takes_others_instead(house):
    batch = house.load(1)
    assert needs(house, batch, ",".join(f"a{n:02}" for n in range(64)))
    assert needs(house, batch, ",".join(f"b{n:02}" for n in range(64)))


def test_work_of_a_paused_stage_is_to_be_had_by_nobody(house):
    batch = house.load(2)
    needs(house, batch, "gpu")
    house.rows("select tracker.set_paused(1::int2, true)")
    assert house.rows("select * from tracker.read_work()") == []


@pytest.mark.parametrize("v1", [True, False])
def test_leases_of_two_batches_with_rates_have_ids_of_their_own(house, v1):
    """The tracker gives one id for each job that it may get."""
    batches = [house.load(3), house.load(3)]
    for batch in batches:
        rate(house, batch, 120)
    w = [house.worker() for _ in range(4)]
    jobs = house.claim([Ask(x.token, v1=True) for x in w]) if v1 else house.rows(
        "select * from tracker.claim_fleet(%s::uuid[], %s::int4[], %s::int8[], %s::int8[], %s::bool[], %s::bool[],"
        " %s::int4[], %s::int8[], %s::int8[], array(select gen_random_uuid() from generate_series(1, 4)), %s)",
        [w[0].token], [4], [0], [1], [False], [False], [0], [], house.hints, 1 << 20)
    leases = [r.lease for r in jobs if r.status == "job"]
    assert len(set(leases)) == len(leases) == 4


@pytest.mark.parametrize("after_ms, room", [(0, 1000), (250, 750), (500, 500), (1000, 0), (2000, 0)])
def test_a_burst_fills_up_as_time_passes(house, after_ms, room):
    assert house.value("select tracker.gate_room(60000, t + %s * interval '1 ms', t) from (select clock_timestamp() as t) x",
                       after_ms) == room


def test_of_what_is_no_word_forty_characters_are_told(house):
    with pytest.raises(psycopg2.Error) as e:
        house.rows("select tracker.split_words(%s)", "!" * 41)
    assert f'"{"!" * 40}" is no word' in str(e.value)


def test_who_waits_for_a_turn_waits_for_that_of_its_batch_and_stage(house):
    """Whatever another stage's rates are, and another batch's."""
    slow, quick = house.load(5), house.load(5)
    needs(house, slow, "gpu")
    needs(house, quick, "ram")
    rate(house, slow, 1)
    rate(house, quick, 2)
    stage_rate(house, 2, 1)
    house.rows("update tracker.gate set free_at = now() + case when rate = 2 then interval '33 seconds' else interval '66 seconds' end")
    masks = {r.word: 1 << r.bit for r in house.rows("select * from tracker.word")}
    waits = {r[0]: r[1:] for r in house.rows("select * from tracker.list_waits(1::int2, array[-1]::int8[])")}
    assert waits.keys() == set(masks.values())
    assert 35 < waits[masks["gpu"]][0] / 1e6 <= 60 and 5 < waits[masks["ram"]][0] / 1e6 <= 30
    assert [jobs for _, jobs in waits.values()] == [1, 1]
    assert [r[0] for r in house.rows("select * from tracker.list_waits(1::int2, array[%s]::int8[])", masks["gpu"])] == [masks["gpu"]]
    assert house.rows("select * from tracker.list_waits(2::int2, array[-1]::int8[])") == []
