"""The tracker's SQL functions as a test speaks of them."""

import collections
import hashlib
import itertools
import uuid

import psycopg2.extras

psycopg2.extras.register_uuid()

FOREVER_S = 10**6


def hash_of(text):
    return uuid.UUID(bytes=hashlib.blake2b((text or '').encode(), digest_size=16).digest())


class Worker:
    def __init__(self, token, name, stage, nickname):
        self.token, self.name, self.stage, self.nickname = token, name, stage, nickname


Ask = collections.namedtuple("Ask", "token want age_us call v1 rerun holding slots",
                             defaults=(1, 0, None, False, False, None, 0))
Item = collections.namedtuple("Item", "token job lease data age_us", defaults=(None, None, "", 0))
Back = collections.namedtuple("Back", "token job lease kind reason age_us",
                              defaults=(None, None, "failed", "", 0))


class House:
    lawful = True  # false: the test puts rows into tables without counting them
    max_attempts = 10
    flag_limit = 5
    backoff_s = 30
    backoff_max_s = 3600
    answer_limit = 16 << 20
    in_hand_most = 1000
    newcomers_most = 1000
    rests = False  # true: who has bad ends rests; else the time of it has passed before the next claim
    fresh_first = False  # true: while there is fresh work, it is not the turn of what was undone
    quick = True  # v1 by claim_fresh and complete_held, as the tracker calls them; else the long way

    def __init__(self, connection):
        self.connection = connection
        self.hints = [0] * 15  # of each stage: position, then batch, then since when what came back is due
        self.waits = []  # as the last claim heard: stage, needs, after how many us, jobs then
        self.calls = itertools.count(1)
        self.policy = None
        self.bad_ends = False  # there were some
        self.allowances = {}  # by worker: as told last

    # ---- plain SQL

    def rows(self, sql, *args):
        with self.connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as c:
            c.execute(sql, args)
            return c.fetchall() if c.description is not None else []  # a select of no column has one, which is empty

    def value(self, sql, *args):
        return self.rows(sql, *args)[0][0]

    def empty(self):
        """In one statement, for a test waits longer for its turn than for PostgreSQL."""
        # Of small tables, deleting is quicker than truncating. A row of each that has only one stays.
        self.rows("""
            do $$
            declare
                v_table text;
            begin
                if (select max(last) from tracker.batch) > 10000 then
                    perform tracker.reset_jobs();
                end if;
                for v_table in select tablename from pg_tables where schemaname = 'tracker'
                        and tablename !~ '^(migration|project|policy|board_day|output_.)$' loop
                    execute 'delete from tracker.' || v_table;
                end loop;
                update tracker.board_day set day = '-infinity';
                update tracker.project set stages_kept = false;
            end $$""")

    def keep_policy(self):
        """As the tracker at start."""
        policy = (self.max_attempts, self.flag_limit, self.backoff_s, self.backoff_max_s, self.newcomers_most)
        if policy != self.policy:
            self.rows("select tracker.settle_policy(%s, %s, %s, %s, %s)", *policy)
            self.policy = policy

    # ---- the pipeline

    def settle(self, *names):
        self.rows("select tracker.propose_stages(%s)", list(names))

    def last_job(self):
        return self.value("select coalesce(max(last), 0) from tracker.batch")

    def batch(self):
        """The only one."""
        return self.value("select batch from tracker.batch")

    def load(self, count, data="input {}", name="load"):
        """One batch; its number."""
        last = self.last_job()
        psycopg2.extras.execute_values(
            self.connection.cursor(), "insert into tracker.job (number, data) values %s",
            [(n, data.format(n)) for n in range(last + 1, last + count + 1)])
        return self.value("select tracker.open_batch(%s, %s, %s)", name, False, last + count)

    def counts(self, stage):
        return {r.stage: r for r in self.rows("select * from tracker.read_counts()")}[stage]

    def broken_laws(self):
        return self.rows("select * from tracker.check_laws()")

    # ---- workers

    def stranger(self, stage=1, nickname="anonymous", name=None):
        """Somebody who has not registered yet."""
        return Worker(uuid.uuid4(), name or f"quiet-otter-{uuid.uuid4().hex[:8]}", stage, nickname)

    def newcomer(self, stage=1, nickname="anonymous", name=None, address="192.0.2.1", label="", slots=0):
        w = self.stranger(stage, nickname, name)
        (r,) = self.open([w], [address], [label], [slots])
        assert r.status == "opened", r
        w.id = r.worker
        return w

    def worker(self, *of, **it):
        """One that has earned the largest allowance."""
        w = self.newcomer(*of, **it)
        self.rows("update tracker.worker set allowance = 1000 where id = %s", w.id)
        return w

    def open_from(self, worker, address, label):
        return self.open([worker], [address], [label])

    def open(self, workers, addresses=None, labels=None, slots=None):
        return sorted(self.rows(
            "select * from tracker.open_workers(%s::uuid[], %s::text[], %s::int2[], %s::text[], %s::text[],"
            " %s::text[], slots => %s::int4[])",
            [w.token for w in workers], [w.name for w in workers], [w.stage for w in workers],
            [w.nickname for w in workers], addresses or [None for _ in workers],
            labels or ["" for _ in workers], slots or []), key=lambda r: r.item)

    def says(self, worker, words):
        """What it has, as sync says it."""
        return self.rows("select * from tracker.say_words(%s::uuid[], %s)", [worker.token], [words])

    def row(self, worker):
        return self.rows("select * from tracker.worker where token = %s", worker.token)[0]

    def touch(self, *workers, refresh_s=900):
        return self.rows("select * from tracker.touch_workers(%s::uuid[], %s)",
                         [w.token for w in workers], refresh_s)

    def bye(self, *workers):
        return sorted(self.rows("select * from tracker.close_workers(%s::uuid[])",
                                [w.token for w in workers]))

    # ---- claims

    def claim(self, asks):
        """As the tracker cuts bundles: v1's asks in one, those of fleets in another."""
        self.keep_policy()
        if self.bad_ends and not self.rests:
            self.end_rests()
        rows = []
        for v1 in (True, False):
            at = [n for n, a in enumerate(asks) if a.v1 == v1]
            ask = self.claim_v1 if v1 else self.claim_fleet
            if at:
                rows += [r._replace(item=at[r.item - 1] + 1) for r in self.heard(ask([asks[n] for n in at]))]
        return rows

    def ids(self, count):
        """Of leases. The last byte of the first one says whose turn it is: of fresh work, or of what is done anew."""
        found = [uuid.uuid4() for _ in range(count)]
        return [uuid.UUID(bytes=i.bytes[:15] + bytes([192 if self.fresh_first else 0])) for i in sorted(found)]

    def common(self, asks):
        return ([a.token for a in asks], [a.age_us for a in asks],
                [next(self.calls) if a.call is None else a.call for a in asks])

    def claim_fleet(self, asks):
        tokens, ages, calls = self.common(asks)
        holding = [sorted(set(a.holding or ())) for a in asks]
        rows = self.rows(
            "select * from tracker.claim_fleet(%s::uuid[], %s::int4[], %s::int8[], %s::int8[], %s::bool[],"
            " %s::bool[], %s::int4[], %s::int8[], %s::int8[], %s::uuid[], %s, %s::int4[], %s)",
            tokens, [a.want for a in asks], ages, calls, [a.rerun for a in asks],
            [a.holding is not None for a in asks], list(itertools.accumulate(map(len, holding))),
            list(itertools.chain(*holding)), self.hints, [], self.answer_limit,
            [a.slots for a in asks], self.in_hand_most)
        return [r for row in rows for r in (self.dropped(row, holding[row.item - 1]) if row.status == "held" else [row])]

    def dropped(self, row, holding):
        """As C tells it: what is listed and not held."""
        held = {int(job) for job in (row.data or "").split(",") if job}
        assert held <= set(holding)
        return [row._replace(status="drop", job=job, data=None) for job in holding if job not in held]

    def claim_v1(self, asks):
        order = sorted(range(len(asks)), key=lambda i: asks[i].token.bytes if self.quick else i)
        asks = [asks[i] for i in order]
        tokens, ages, calls = self.common(asks)
        rows = self.rows(
            f"select * from tracker.{'claim_fresh' if self.quick else 'claim_held'}(%s::uuid[], %s::int8[],"
            " %s::int8[], %s::int8[], %s::uuid[], %s)", tokens, ages, calls, self.hints,
            self.ids(len(asks)), self.answer_limit)
        return [r._replace(item=order[r.item - 1] + 1) if r.item else r for r in rows]

    def heard(self, rows):
        for r in rows:
            if r.status == "hint":
                self.hints[r.stage - 1], self.hints[r.stage + 4] = r.job, r.attempt
            if r.status == "due":
                self.hints[r.stage + 9] = r.job
            if r.status == "allowed":
                self.allowances[r.worker] = r.attempt
        self.waits = [(r.stage, r.worker, r.job, r.attempt) for r in rows if r.status == "gate"]
        return [r for r in rows if r.status not in ("hint", "due", "allowed", "gate")]

    def new_job(self, worker, age_us=0, **more):
        """v1's newJob: the one row that answers it."""
        (r,) = self.claim([Ask(worker.token, 1, age_us, v1=True, **more)])
        if r.status == "rest" and not self.rests:  # it has just abandoned one, and has its time now
            self.bad_ends = True
            (r,) = self.claim([Ask(worker.token, 1, v1=True, **more)])
        return r

    def rest_s(self, worker):
        """For how long it rests, to the second."""
        return round(self.value("select extract(epoch from rest_until - clock_timestamp())::float8 from tracker.worker"
                                " where id = %s and rest_until > clock_timestamp() union all select 0", worker.id))

    def end_rests(self):
        self.rows("update tracker.worker set rest_until = '-infinity' where rest_until > '-infinity'")
        self.bad_ends = False

    def want(self, worker, want=1, **more):
        """sync: all rows that answer it."""
        return self.claim([Ask(worker.token, want, **more)])

    def take(self, worker, want=1):
        """sync: the jobs handed out, which must be `want`."""
        rows = self.want(worker, want)
        assert [r.status for r in rows] == ["job"] * want
        return rows

    # ---- results

    def complete(self, items):
        if self.quick and all(i.job is None and i.lease is None for i in items):
            return self.complete_held(items)
        return sorted(self.rows(
            "select * from tracker.complete_jobs(%s::uuid[], %s::int8[], %s::uuid[], %s::text[],"
            " %s::uuid[], %s::int8[])",
            [i.token for i in items], [i.job for i in items], [i.lease for i in items],
            [i.data for i in items], [hash_of(i.data) for i in items], [i.age_us for i in items]))

    def complete_held(self, items):
        order = sorted(range(len(items)), key=lambda i: items[i].token.bytes)
        items = [items[i] for i in order]
        rows = self.rows(
            "select * from tracker.complete_held(%s::uuid[], %s::text[], %s::uuid[], %s::int8[])",
            [i.token for i in items], [i.data for i in items], [hash_of(i.data) for i in items],
            [i.age_us for i in items])
        return sorted(r._replace(item=order[r.item - 1] + 1) for r in rows)

    def done(self, worker, job=None, data="result", age_us=0):
        """One result; job is a row of claim, or None for v1."""
        (r,) = self.complete([Item(worker.token, job and job.job, job and job.lease, data, age_us)])
        return r.status

    def give_back(self, items):
        self.keep_policy()
        self.bad_ends = True
        return sorted(self.rows(
            "select * from tracker.return_jobs(%s::uuid[], %s::int8[], %s::uuid[], %s::text[],"
            " %s::text[], %s::int8[])",
            [i.token for i in items], [i.job for i in items], [i.lease for i in items],
            [i.kind for i in items], [i.reason for i in items], [i.age_us for i in items]))

    def back(self, worker, job=None, kind="failed", reason="", age_us=0):
        (r,) = self.give_back([Back(worker.token, job and job.job, job and job.lease, kind, reason,
                                    age_us)])
        return r

    def flag(self, worker, job=None, **more):
        return self.back(worker, job, "flagged", **more)

    # ---- the keeper

    def silent(self, idle_s, after=(0, "epoch", 0), look=1000):
        return [r for r in self.looked(idle_s, after, look) if r.token is not None]

    def looked(self, idle_s, after=(0, "epoch", 0), look=1000):
        return self.rows("select * from tracker.list_silent(%s, %s::int2, %s::timestamptz, %s, %s)", idle_s, *after, look)

    def hear(self, gap_s=3, grace_s=0):
        return self.value("select tracker.hear(%s, %s)", gap_s, grace_s)

    def reap(self, *workers, idle_s=7200):
        self.keep_policy()
        return self.rows("select * from tracker.reap_workers(%s::uuid[], %s)",
                         [w.token for w in workers], idle_s)

    def time_out(self, worker):
        """The worker falls silent and is reaped."""
        self.rows("update tracker.worker set seen = seen - interval '3 hours' where token = %s",
                  worker.token)
        assert len(self.reap(worker)) == 1

    def expire(self, *timeouts_s):
        timeouts = (list(timeouts_s) + [0] * 5)[:5]
        self.keep_policy()
        return self.rows("select * from tracker.expire_leases(%s::int4[])", timeouts)

    def fold(self):
        return self.value("select tracker.fold_tally()"), self.value("select tracker.fold_credit()")

    # ---- time

    def pass_time(self, seconds):
        """As if everything that was recorded had happened that much earlier."""
        s = (f"{seconds} seconds",)
        self.rows("update tracker.worker set seen = seen - %s::interval, asked_at = asked_at -"
                  " %s::interval, claimed_at = claimed_at - %s::interval, last_at = last_at -"
                  " %s::interval", *s * 4)
        self.rows("update tracker.lease set since = since - %s::interval", *s)
        self.rows("update tracker.retry set due = due - %s::interval, since = since - %s::interval",
                  *s * 2)
        self.rows("update tracker.strike set at = at - %s::interval", *s)
        self.rows("update tracker.output set finished = finished - %s::interval", *s)

    def end_minute(self):
        """As if the minute of all counts were over."""
        for table in ("tally", "credit"):
            self.rows(f"update tracker.{table} set minute = minute - interval '1 day'"
                      " where minute > '-infinity'")

    def called(self, function):
        """How often it was called by anybody, since this was asked for the first time."""
        self.rows("set track_functions = 'all'")
        self.rows("select pg_stat_force_next_flush()")
        self.rows("select pg_stat_clear_snapshot()")
        return self.rows("select coalesce(sum(calls), 0) as n from pg_stat_user_functions where funcname = %s", function)[0].n

    def forget_due(self):
        """Since when what came back is due: a second later, as in a tracker."""
        self.hints[10:] = [0] * 5

    def make_due(self):
        self.forget_due()
        self.rows("update tracker.retry set due = clock_timestamp() - interval '1 second'")
