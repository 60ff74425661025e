"""How much data of jobs one answer holds: `answer_limit`, 1 MiB on this stack, and one job at least."""
from client import Client, Fleet
from waiting import Later

LONG = 600_000  # bytes: two of them are more than an answer holds


def datas(count):
    return [f"{n} ".ljust(LONG, "x") for n in range(1, count + 1)]


def test_a_fleet_gets_what_fits_and_the_rest_with_its_next_calls(five):
    five.load(datas(4))
    f = Fleet(five)
    answers = [f.take(4) for _ in range(4)]
    assert [len(jobs) for jobs in answers] == [1] * 4
    assert sorted(j["data"] for (j,) in answers) == datas(4)
    assert f.take(4) == []


def test_what_is_sent_again_is_within_the_limit_too(five):
    five.load(datas(3))
    f = Fleet(five)
    jobs = [f.take()[0] for _ in range(3)]
    assert f.sync(want=3, holding=[]).get("jobs") == jobs[:1]
    assert f.sync(want=3, holding=[jobs[0]["job"]]).get("jobs") == jobs[1:2]


def test_a_job_longer_than_the_limit_comes_alone_and_whole(five):
    five.load(["short", "y" * 1_500_000, "short too"])
    f = Fleet(five)
    got = [f.take(3) for _ in range(3)]
    assert sorted((j["data"] for jobs in got for j in jobs), key=len) == ["short", "short too", "y" * 1_500_000]
    assert all(len(jobs) == 1 or sum(len(j["data"]) for j in jobs) <= 1 << 20 for jobs in got)


def test_many_v1_workers_at_once_get_their_long_jobs_whole(five):
    five.load(datas(8))
    workers = [Client(five) for _ in range(8)]
    asked = [Later(w.get_job) for w in workers]
    assert sorted(a.result() for a in asked) == datas(8)
    for w in workers:
        w.complete("done")
    assert five.counts()["a"]["done"] == 8
