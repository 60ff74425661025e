"""
"v1: what the calls mean": a test named after every rule. Those that need time to pass are in
test_v1_time.py, those that need something broken in test_faults.py.
"""
import pytest

from client import Client, NoJob, WorkerTimedOut, nobody
from waiting import Later, eventually


def get_when_back(worker, timeout_s=10):
    """A job as soon as its back-off is over."""
    def ask():
        try:
            return worker.get_job() is not None
        except NoJob:
            return False
    eventually(ask, timeout_s=timeout_s, every_s=0.1, what="the job came back")
    return worker.number


def strikes(stack, kind):
    return stack.one("select count(*) from tracker.strike where kind = %s", kind)


# --- a stage's input is the previous stage's output --------------------------------------------

def test_a_stages_input_is_the_previous_stages_output(fresh, worker):
    fresh.load(["raw 1", "raw 2"])
    a, b = worker("a"), worker("b")
    with pytest.raises(NoJob):
        b.get_job()
    assert a.get_job() == "raw 1"
    a.complete("cooked 1")
    assert b.get_job() == "cooked 1" and b.number == 1
    b.complete("served 1")
    assert a.get_job() == "raw 2"


def test_nothing_overwrites_an_input_or_an_output(fresh, worker):
    fresh.load(["raw"])
    for stage, out in (("a", "cooked"), ("b", "served")):
        w = worker(stage)
        w.get_job()
        w.complete(out)
    assert fresh.sql("select data from tracker.job") == [("raw",)]
    assert fresh.sql("select stage, data from tracker.output order by stage") == [(1, "cooked"), (2, "served")]


def test_fresh_jobs_are_handed_out_in_order_each_once(fresh, worker):
    fresh.load([f"j{i}" for i in range(1, 31)])
    workers = [worker() for _ in range(30)]
    got = [(w.get_job(), w.number) for w in workers]
    assert got == [(f"j{i}", i) for i in range(1, 31)]


@pytest.mark.parametrize("data", [
    "", " ", "é", "\U0001f98a", "שלום \u202eevil\u202c", "line\nline\r\n\ttab", "'; drop table tracker.job; --", '"quoted" \\ back',
    "%s %d %n", "{\"a\": 1}", "\\x00", "\\N", "{NULL,\"x\"}", "null", "NULL", "\u0001\u001f\u007f", "x" * 70000, "\ufeffbom", "\uffff",
    "<!json!", "a<!json!>[]"])
def test_data_passes_through_every_stage_untouched(fresh, worker, data):
    fresh.load([data])
    a = worker("a")
    assert a.get_job() == data
    a.complete(data)
    assert worker("b").get_job() == data


@pytest.mark.parametrize("text", [
    '<!json!>[1, 2.50, 1e400, -0.0, 123456789012345678901234567890]', '<!json!>{"b": 1,  "a": [ ], "b2": "\\u00e9"}',
    '<!json!>', '<!json!>not JSON at all', '<!json!><!json!>[]'])
def test_structured_data_is_forwarded_byte_for_byte(fresh, api, worker, text):
    fresh.load(["x"])
    a = worker("a")
    a.get_job()
    a.complete(text)
    answer = api.post("/api/newJob", {"token": worker("b").token})
    assert answer.json()["data"] == text


# --- tokens -----------------------------------------------------------------------------------

def test_a_token_that_is_no_uuid_or_that_nobody_holds_is_an_unknown_worker(api):
    token = api.new()["token"]
    for wrong in (nobody(), "abc", token + " ", token[:-1], "{" + token + "}", " " + token):
        assert api.text("/api/newJob", {"token": wrong})[0] == 404
        assert api.text("/api/validateWorker", {"token": wrong}) == (200, "False")


def test_a_token_is_kept_nowhere_in_the_clear(fresh, api):
    token = api.new(nickname="Ada")["token"]
    api.post("/api/updateProgress", {"token": token, "progress": "p"})
    tables = fresh.sql("select tablename from pg_tables where schemaname = 'tracker'")
    for (table,) in tables:
        assert not fresh.sql(f'select 1 from tracker."{table}" t where t::text like %s limit 1', f"%{token}%"), table
    for key in fresh.redis.scan_iter("*"):
        assert token not in key
    assert token not in fresh.tracker_log()


# --- newJob is safe to repeat -----------------------------------------------------------------

def test_new_job_is_safe_to_repeat(fresh, worker):
    """The same question within a minute hears the same job, three times at most."""
    fresh.load(["x", "y"])
    w = worker()
    assert [w.get_job() for _ in range(4)] == ["x"] * 4
    assert strikes(fresh, "abandoned") == 0
    assert w.get_job() == "y"
    assert strikes(fresh, "abandoned") == 1


def test_new_job_asked_twice_at_once_hears_one_job(fresh, worker):
    """The answer was lost and the question sent again while the first still ran: no job is orphaned."""
    fresh.load([f"j{i}" for i in range(40)])
    for _ in range(10):
        w = worker()
        other = Client.__new__(Client)
        other.__dict__.update(w.__dict__)
        other.api = type(w.api)(fresh)
        first, second = Later(w.get_job), Later(other.get_job)
        assert first.result() == second.result()
        w.complete("done")
    assert fresh.counts()["a"]["leased"] == 0 and fresh.counts()["a"]["done"] == 10


def test_new_job_a_minute_later_gives_the_held_job_back(fresh, worker):
    fresh.load(["x", "y"])
    w = worker()
    assert w.get_job() == "x"
    fresh.sql("update tracker.worker set asked_at = asked_at - interval '61 seconds'")
    assert w.get_job() == "y"
    assert strikes(fresh, "abandoned") == 1


@pytest.mark.parametrize("between", ["updateProgress", "validateWorker"])
def test_new_job_after_another_call_gives_the_held_job_back(fresh, worker, between):
    """Otherwise newJob while holding a job gives it back: one failed attempt, and another job."""
    fresh.load(["x", "y"])
    w, other = worker(), worker()
    assert w.get_job() == "x"
    w.log("1%") if between == "updateProgress" else w.is_valid()
    assert w.get_job() == "y"
    assert strikes(fresh, "abandoned") == 1
    assert get_when_back(other) == 1
    assert fresh.one("select attempt from tracker.lease where job = 1") == 2


def test_new_job_after_completing_is_a_new_question(fresh, worker):
    fresh.load(["x", "y"])
    w = worker()
    w.get_job()
    w.complete("1")
    assert w.get_job() == "y"
    assert strikes(fresh, "abandoned") == 0


# --- completeJob and flagInvalidData are safe to repeat ---------------------------------------

def test_complete_job_is_safe_to_repeat(fresh, worker):
    fresh.load(["x", "y"])
    w = worker()
    w.get_job()
    for _ in range(3):
        w.complete("out")
    assert fresh.counts()["a"]["done"] == 1
    assert fresh.sql("select data from tracker.output") == [("out",)]
    assert fresh.credit() == {"anonymous": 1}


def test_complete_job_repeated_with_other_data_is_refused(fresh, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.complete("out")
    with pytest.raises(NoJob) as refused:
        w.complete("other")
    assert str(refused.value) == "This job has already been marked as completed."
    assert fresh.sql("select data from tracker.output") == [("out",)]


def test_complete_job_repeated_after_new_job_completes_the_new_one(fresh, worker):
    """With a newJob between it is the new job's result, whatever it says."""
    fresh.load(["x", "y"])
    w = worker()
    w.get_job()
    w.complete("same")
    w.get_job()
    w.complete("same")
    assert fresh.counts()["a"]["done"] == 2


def test_complete_job_sent_twice_at_once_counts_once(fresh, worker):
    fresh.load([f"j{i}" for i in range(10)])
    w = worker()
    for number in range(1, 11):
        w.get_job()
        both = [Later(type(w.api)(fresh).text, "/api/completeJob", {"token": w.token, "data": f"r{number}"}) for _ in range(2)]
        assert [b.result() for b in both] == [(200, "200 OK")] * 2
        assert fresh.counts()["a"]["done"] == number


def test_flag_is_safe_to_repeat(fresh, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    for _ in range(3):
        w.flag()
    assert strikes(fresh, "flagged") == 1


def test_an_op_that_arrived_before_the_held_lease_was_given_never_touches_it(fresh, worker):
    """A completion that waited five seconds in the tracker cannot mean a lease given just now."""
    fresh.load(["x"])
    w = worker()
    w.get_job()
    token = fresh.one("select token from tracker.worker where name = %s", w.name)
    late = fresh.sql(
        "select status from tracker.complete_jobs(array[%s::uuid], array[null::bigint], array[null::uuid],"
        " array['stale'], array[gen_random_uuid()], array[5000000::bigint])", token)
    assert late == [("no_job",)]
    assert fresh.counts()["a"]["leased"] == 1
    w.complete("right")
    assert fresh.sql("select data from tracker.output") == [("right",)]


# --- a job that comes back --------------------------------------------------------------------

def test_after_bye_the_job_is_open_again_at_once(fresh, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.bye()
    other = worker()
    assert other.get_job() == "x"
    assert fresh.one("select attempt from tracker.lease") == 1
    with pytest.raises(WorkerTimedOut):
        w.complete("late")


def test_a_flagged_job_waits_a_back_off(fresh, worker):
    fresh.load(["x"])
    w, other = worker(), worker()
    w.get_job()
    w.flag()
    assert fresh.one("select due - now() between interval '0.1 s' and interval '2 s' from tracker.retry")
    with pytest.raises(NoJob):
        other.get_job()
    assert get_when_back(other) == 1


def test_the_back_off_doubles_up_to_its_limit(fresh, worker):
    """1, 2, 4 and again 4 seconds in these settings; read from the rows, not waited for."""
    fresh.load(["x"])
    waits = []
    for _ in range(4):
        w = worker()
        w.get_job()
        w.flag()
        waits.append(round(fresh.one("select extract(epoch from due - now()) from tracker.retry")))
        fresh.sql("update tracker.retry set due = now()")
    assert waits == [1, 2, 4, 4]


def test_a_job_that_came_back_goes_before_fresh_work(fresh, worker):
    fresh.load(["x", "y", "z"])
    w, other = worker(), worker()
    w.get_job()
    w.flag()
    fresh.sql("update tracker.retry set due = now()")
    assert other.get_job() == "x"


def test_jobs_that_came_back_take_at_most_half_of_a_bundle(fresh, fleet):
    fresh.load([f"j{i}" for i in range(16)])
    f, g = fleet(), fleet()
    for job in f.take(8):
        assert f.give("failed", job, reason="x") == "accepted"
    fresh.sql("update tracker.retry set due = now()")
    attempts = sorted(j["attempt"] for j in g.take(8))
    assert attempts == [1, 1, 1, 1, 2, 2, 2, 2]


def test_a_worker_is_passed_over_for_jobs_that_it_flagged_while_it_can_get_another(fresh, worker):
    fresh.load(["x", "y"])
    w = worker()
    assert w.get_job() == "x"
    w.flag()
    fresh.sql("update tracker.retry set due = now()")
    assert w.get_job() == "y"


def test_when_nothing_else_is_left_it_may_get_what_it_flagged(fresh, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.flag()
    assert get_when_back(w) == 1


def test_job_count_counts_what_came_back_only_when_due(fresh, api, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.flag()
    assert w.job_count() == 0
    eventually(lambda: w.job_count() == 1, what="the job is due")


# --- flagInvalidData --------------------------------------------------------------------------

def flag_by(stack, stage, workers):
    for w in workers:
        stack.sql("update tracker.retry set due = now()")
        w.get_job()
        w.flag()


def test_five_different_workers_send_the_job_back_one_stage(fresh, worker):
    fresh.load(["raw"])
    maker = worker("a", "Maker")
    maker.get_job()
    maker.complete("bad")
    flag_by(fresh, "b", [worker("b") for _ in range(4)])
    assert fresh.counts()["a"]["done"] == 1
    flag_by(fresh, "b", [worker("b")])
    counts = fresh.counts()
    assert counts["a"]["done"] == 0 and counts["b"]["retry"] + counts["b"]["ready"] + counts["b"]["leased"] == 0
    assert fresh.sql("select data from tracker.output") == []
    other = worker("a", "Other")
    get_when_back(other)
    other.complete("good")
    assert worker("b").get_job() == "good"


def test_the_refused_output_is_kept_with_who_made_it_and_its_credit_withdrawn(fresh, worker):
    fresh.load(["raw"])
    maker = worker("a", "Maker")
    maker.get_job()
    maker.complete("bad")
    flag_by(fresh, "b", [worker("b") for _ in range(5)])
    assert fresh.sql("select r.data, p.nickname from tracker.refused_output r join tracker.person p on p.id = r.person") \
        == [("bad", "Maker")]
    assert fresh.credit()["Maker"] == 0


def test_strikes_before_a_job_was_sent_back_no_longer_count(fresh, worker):
    fresh.load(["raw"])
    a = worker("a")
    a.get_job()
    a.complete("bad")
    flag_by(fresh, "b", [worker("b") for _ in range(5)])
    again = worker("a")
    get_when_back(again)
    again.complete("good")
    flag_by(fresh, "b", [worker("b")])
    assert fresh.counts()["a"]["done"] == 1


def test_one_worker_flagging_many_times_is_one_strike(fresh, worker):
    fresh.load(["raw"])
    a = worker("a")
    a.get_job()
    a.complete("fine")
    flag_by(fresh, "b", [worker("b")] * 7)
    assert fresh.counts()["a"]["done"] == 1


def test_at_stage_a_five_flags_fail_the_job_with_the_reason(fresh, worker):
    fresh.load(["poison"])
    flag_by(fresh, "a", [worker() for _ in range(5)])
    assert fresh.counts()["a"]["failed"] == 1
    assert "flag" in fresh.one("select reason from tracker.failed").lower()
    with pytest.raises(NoJob):
        worker().get_job()


def test_a_flag_and_its_results_stay_apart(fresh, worker):
    """A worker that flagged goes on with another job; completing it is that job's result."""
    fresh.load(["x", "y"])
    w = worker()
    w.get_job()
    w.flag()
    assert w.get_job() == "y"
    w.complete("out y")
    assert fresh.sql("select job, data from tracker.output") == [(2, "out y")]


# --- max_attempts -----------------------------------------------------------------------------

def test_a_job_that_fails_max_attempts_leases_becomes_failed(fresh, fleet):
    """Ten in these settings. Nothing loops for ever, and an operator can put it back."""
    fresh.load(["x"])
    f = fleet()
    for attempt in range(1, 11):
        fresh.sql("update tracker.retry set due = now()")
        (job,) = f.take(1)
        assert job["attempt"] == attempt
        assert f.give("failed", job, reason=f"disk full {attempt}") == "accepted"
    assert fresh.counts()["a"]["failed"] == 1
    assert f.take(1) == []
    assert "disk full 10" in fresh.run("distcompute-admin", "failed", "--stage", "a").stdout


def test_released_and_bye_are_no_failed_attempts(fresh, fleet, worker):
    fresh.load(["x"])
    f = fleet()
    for _ in range(12):
        (job,) = f.take(1)
        assert job["attempt"] == 1
        assert f.give("released", job) == "accepted"
        fresh.sql("update tracker.retry set due = clock_timestamp()")
    for _ in range(12):
        w = worker()
        assert w.get_job() == "x"
        w.bye()
    assert fresh.counts()["a"]["failed"] == 0


# --- progress ---------------------------------------------------------------------------------

def test_progress_is_cut_at_255_characters_not_bytes(fresh, api, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.log("界" * 300)
    page = eventually(lambda: (p := api.get(f"/worker/extract/{w.name}").text) and "界界" in p and p, what="progress on the page")
    assert "界" * 255 in page and "界" * 256 not in page


# --- credit -----------------------------------------------------------------------------------

def test_credit_is_counted_once_for_each_job_and_stage(fresh, worker):
    fresh.load(["x", "y"])
    for stage in "ab":
        w = worker(stage, "Ada")
        for _ in range(2):
            w.get_job()
            w.complete("r")
            w.complete("r")
    assert fresh.credit() == {"Ada": 4}


def test_two_people_are_credited_apart(fresh, worker):
    fresh.load(["x", "y", "z"])
    for nickname, jobs in (("Ada", 2), ("Bob", 1)):
        w = worker("a", nickname)
        for _ in range(jobs):
            w.get_job()
            w.complete("r")
    assert fresh.credit() == {"Ada": 2, "Bob": 1}


# --- newJob may wait ----------------------------------------------------------------------------

def test_new_job_may_wait_for_work(fresh, worker):
    w = worker()
    waiting = Later(w.get_job, wait=30)
    fresh.load(["x"], append=True)
    assert waiting.result(timeout_s=10) == "x"


def test_new_job_that_waits_in_vain_hears_403(fresh, worker):
    w = worker()
    waiting = Later(w.get_job, wait=1)
    with pytest.raises(NoJob):
        waiting.result(timeout_s=10)
    assert waiting.took_s >= 0.9
