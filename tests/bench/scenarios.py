"""What is measured. Each scenario prints its figures beside their limits and checks the laws."""

import json
import os
import subprocess
import threading
import time
import urllib.request

import measure
from measure import drive, interleave, median
from stack import ROOT, Noop, Stack, wait_for

PATHS = {"newJob": "/api/newJob", "completeJob": "/api/completeJob",
         "updateProgress": "/api/updateProgress", "validateWorker": "/api/validateWorker",
         "jobCount": "/api/jobCount", "sync": "/api/sync"}
UNCACHED = ("--header", "X-Tracker-Cache: off")
TOKEN = "md5('bench' || :client_id)::uuid"

# v1's, as the tracker calls them.
ONE_BY_ONE = f"""select * from tracker.claim_fresh(array[{TOKEN}], array[0]::int8[], array[0]::int8[],
 array[0, 0, 0, 0, 0]::int8[], array[gen_random_uuid()], 16777216);
select * from tracker.complete_held(array[{TOKEN}],
 array['a result as long as those of the driver, which are 64 bytes long'],
 array[gen_random_uuid()], array[0]::int8[]);
"""

BY_HUNDRED = f"""select array_agg(job) as jobs, array_agg(lease) as leases
 from tracker.claim_fleet(array[{TOKEN}], array[100], array[0]::int8[], array[0]::int8[],
  array[false], array[false], '{{}}'::int4[], '{{}}'::int8[], array[0, 0, 0, 0, 0]::int8[],
  array(select gen_random_uuid() from generate_series(1, 100)), 16777216)
 where status = 'job' \\gset
select count(*) from tracker.complete_jobs(
 array_fill({TOKEN}, array[100]), :jobs::int8[], :leases::uuid[],
 array_fill('a result as long as those of the driver, which are 64 bytes long'::text, array[100]),
 array_fill(gen_random_uuid(), array[100]), array_fill(0::int8, array[100]));
"""

# A result for each of the first jobs, five a second up to now, as if the pipeline had run: stages A
# and B are done with them, nobody holds any, and every law holds.
MOSTLY_DONE = """
set work_mem = '256MB';
insert into tracker.person (nickname) values ('filler') on conflict do nothing;
insert into tracker.worker (token, stage, name, person, created, seen, gone_at, gone_why)
 select gen_random_uuid(), 1, 'filler', id, now(), now(), now(), 'bye'
 from tracker.person where nickname = 'filler';
insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)
 select s, j, w.id, w.person, 1, gen_random_uuid(), now() - ({done} - j + 100) * interval '200 ms',
  now() - ({done} - j) * interval '200 ms',
  'result of ' || j || ' by 0.0 000000000000000000000000000000000000'
 from tracker.worker w, generate_series(1, 2) s, generate_series(1, {done}) j
 where w.name = 'filler';
update tracker.ahead set first = {done} + 1 where first = 1;
update tracker.worker set done = 2 * {done} where name = 'filler';
insert into tracker.tally (stage, batch, minute, slot, done)
 select s, (select min(batch) from tracker.batch), date_trunc('minute', now()) - interval '5 minutes', 0, {done}
 from generate_series(1, 2) s;
insert into tracker.credit (person, stage, minute, slot, done)
 select p.id, s, date_trunc('minute', now()) - interval '5 minutes', 0, {done}
 from tracker.person p, generate_series(1, 2) s where p.nickname = 'filler';
select tracker.fold_tally(), tracker.fold_credit();
"""

CROWD = """
insert into tracker.person (nickname, done)
 select 'person ' || n, 0 from generate_series(1, {people}) n on conflict do nothing;
insert into tracker.worker (token, stage, name, person, created, seen)
 select gen_random_uuid(), 1 + n % 2, 'crowd-worker-' || n, p.id, now(), now()
 from generate_series(1, {workers}) n
 join tracker.person p on p.nickname = 'person ' || (1 + n * 7919 % {people});
"""


class Bench:
    """What the scenarios share: where things are, how long to measure, and the table of results."""

    def __init__(self, build, folder, quick, seconds, rounds, deadline):
        self.build, self.folder, self.quick = build, folder, quick
        self.seconds, self.rounds, self.deadline = seconds, rounds, deadline
        self.rows, self.raw, self.broken = [], {}, []
        self.stacks = {}

    def stack(self, name="main", **settings):
        if name not in self.stacks:
            self.stacks[name] = Stack(os.path.join(self.folder, name), **settings)
        return self.stacks[name]

    def noop(self, way="noop"):
        if way not in self.stacks:
            self.stacks[way] = Noop(self.build, self.stack(), os.path.join(self.folder, way), way)
        return self.stacks[way]

    def stop(self):
        for s in reversed(list(self.stacks.values())):
            s.stop()
        self.stacks = {}

    def keep_jobs(self, stack, count):
        """At least that many open jobs at stage A."""
        open_ = stack.open_jobs()
        if open_ < count:
            stack.load(count - open_, append=stack.sql("select exists (select from tracker.batch)") == [["t"]])

    def row(self, name, value, unit, limit=None, limit_name="", goal=None, at_most=False, note="",
            by_cpu=None):
        """One line of the table: a figure beside its limit, and whether the goal is reached."""
        ratio = value / limit if limit else None
        good = None
        if goal is not None:
            seen = ratio if ratio is not None else value
            good = seen <= goal if at_most else seen >= goal
        self.rows.append({"name": name, "value": value, "unit": unit, "limit": limit,
                          "limit_name": limit_name, "ratio": ratio, "goal": goal,
                          "at_most": at_most, "good": good, "note": note,
                          "by_cpu": by_cpu})
        print(text_of(self.rows[-1]), flush=True)

    def laws(self, scenario, *stacks, journals=(), spent=False):
        """
        The conservation laws from the tables, and every acknowledged result where it should be; and jobs are left, or
        the figures are of a stack that had no more work, unless it is meant so (spent).
        """
        for s in stacks:
            if not spent and s.open_jobs() == 0:
                self.broken.append(f"{scenario}: the jobs ran out")
            for law in s.check_laws():
                self.broken.append(f"{scenario}: law broken: {' '.join(law)}")
        for s, files in journals:
            lost = s.check_journal(*files)
            if lost:
                self.broken.append(f"{scenario}: {lost} acknowledged results are not in the tables")

    def judge(self, scenario, reports):
        idle = sum(measure.is_idle(r) for r in reports)
        if idle:
            self.broken.append(f"{scenario}: {idle} of {len(reports)} runs got nothing")
        bad = measure.wrong(reports)
        if bad:
            self.broken.append(f"{scenario}: {bad} wrong answers or lost connections "
                               f"({[r['statuses'] for r in reports]}) {reports[-1]['said']}")


def text_of(row):
    unit = row["unit"]
    text = f"{row['name']:<44} {row['value']:>12,.2f} {unit:<10}"
    if row["limit"]:
        text += f" {row['limit']:>12,.2f} {row['limit_name']:<26} {row['ratio']:>6.2f}"
    else:
        text += " " * 47
    if row["goal"] is not None:
        text += f"  {'<=' if row['at_most'] else '>='} {row['goal']:<5g} " \
                f"{'yes' if row['good'] else 'NO'}"
    if row["by_cpu"] is not None:
        text += f"  by CPU {row['by_cpu']:.2f};"
    return text + (f"  {row['note']}" if row["note"] else "")


def note_of(reports, *calls):
    """p50/p99 of the calls and the CPU split, in words."""
    parts = []
    for call in calls:
        parts.append(f"{call} p50 {median(reports, 'calls', call, 'p50_us') / 1000:.1f} "
                     f"p99 {median(reports, 'calls', call, 'p99_us') / 1000:.1f} ms")
    cpu = measure.cpu_per_1000(reports)
    parts.append("CPU s/1000: " + " ".join(f"{name} {cpu[name]:.3f}" for name in
                                           ("nginx", "tracker", "noop", "postgres", "redis", "drive")
                                           if name in cpu))
    return "; ".join(parts)


def cost(reports):
    """CPU seconds of all processes for 1,000 requests."""
    return sum(measure.cpu_per_1000(reports).values())


def by_cpu(r, limit="noop"):
    """The ratio that would be seen if only CPU bounded both: what a request costs all processes."""
    return cost(r[limit]) / cost(r["tracker"]) if cost(r["tracker"]) else 0


def bytes_of(reports):
    """The length of the tracker's answers, for the no-op to send as many."""
    sizes = {}
    for r in reports:
        for call, figures in r["calls"].items():
            if call in PATHS:
                sizes[PATHS[call]] = figures["bytes"]
    return sizes


def beside_noop(b, name, mix, goal, calls, connections, tls=False, flags=(), rounds=None):
    """A mix on the tracker and on the no-ops in turn; the ratio of the medians."""
    stack, noops = b.stack(), {way: b.noop(way) for way in Noop.WAYS}
    probe = drive(b.build, stack, mix, connections=4, seconds=0.3, flags=(*flags, "--bye"))
    sizes = bytes_of([probe])
    page = probe["calls"].get("page")
    if page:
        sizes[mix.split("page:", 1)[1].split("?")[0]] = page["bytes"]
    for noop in noops.values():
        noop.answer(sizes)
    journals = []

    def on_tracker():
        journals.append(os.path.join(b.folder, f"journal.{time.monotonic_ns()}"))
        return drive(b.build, stack, mix, connections, b.seconds, tls,
                     flags=(*flags, "--bye", "--journal", journals[-1]))

    def on_noop(noop):
        return lambda: drive(b.build, noop, mix, connections, b.seconds, tls, blind=True, flags=flags)

    r = interleave(rounds or b.rounds, tracker=on_tracker,
                   **{way: on_noop(noop) for way, noop in noops.items()})
    full = f"{name}, {connections} connections{', HTTPS' if tls else ''}"
    b.raw[full] = r
    b.judge(full, r["tracker"])
    b.row(full, median(r["tracker"], "rate"), "requests/s", median(r["noop"], "rate"), "no-op",
          goal, note=note_of(r["tracker"], *calls) + " | no-op " + note_of(r["noop"]),
          by_cpu=by_cpu(r))
    for way, words in (("gate", "no-op, connections kept"), ("untouched", "no-op, libfcgi untouched")):
        b.row(f"  beside a {words}", median(r["tracker"], "rate"), "requests/s",
              median(r[way], "rate"), words, goal if way == "untouched" else None,
              note=note_of(r[way]), by_cpu=by_cpu(r, way))
    b.laws(full, stack, journals=[(stack, journals)])
    for path in journals:
        os.unlink(path)
    return r


def scenario_disk(b):
    """What the disk can do: every acknowledged completion waits for it."""
    if b.quick:
        b.row("fdatasync of 8 KiB, one after the other", measure.fsync_rate(b.folder), "a second")
        return
    for method, rate in measure.pg_test_fsync(b.folder).items():
        if method in ("open_datasync", "fdatasync", "fsync"):
            b.row(f"pg_test_fsync {method}, one 8 KiB write", rate, "a second")


def scenario_single(b):
    """Calls that touch no job, and pages, beside a no-op that does nothing."""
    b.keep_jobs(b.stack(), 1000)
    mixes = [("updateProgress", "progress", ("updateProgress",), ()),
             ("validateWorker", "validate", ("validateWorker",), ()),
             ("jobCount", "count", ("jobCount",), ()),
             ("dashboard, through the tracker", "page:/", ("page",), UNCACHED)]
    for connections in (64,) if b.quick else (64, 256):
        for tls in (False,) if b.quick else (False, True):
            for name, mix, calls, flags in mixes:
                beside_noop(b, name, mix, 0.9, calls, connections, tls, flags)


def scenario_static(b):
    """A page from nginx's micro-cache beside a static file of nginx."""
    stack = b.stack()
    folder = os.path.join(ROOT, "templates", "static")
    files = sorted(os.listdir(folder), key=lambda f: os.path.getsize(os.path.join(folder, f)))
    path = f"/static/{files[len(files) // 2]}"
    r = interleave(b.rounds,
                   page=lambda: drive(b.build, stack, "page:/", seconds=b.seconds),
                   file=lambda: drive(b.build, stack, f"page:{path}", seconds=b.seconds))
    b.raw["static"] = r
    b.judge("static", r["page"] + r["file"])
    b.row("dashboard from nginx's cache, 64 connections", median(r["page"], "rate"), "requests/s",
          median(r["file"], "rate"), f"{path} from nginx", 0.7,
          note=f"{median(r['page'], 'calls', 'page', 'bytes'):.0f} bytes beside "
               f"{median(r['file'], 'calls', 'page', 'bytes'):.0f}; {note_of(r['page'], 'page')}")


def scenario_cycle(b):
    """newJob and completeJob, round and round: the tracker's daily bread."""
    for connections in (64,) if b.quick else (64, 256):
        for tls in (False,) if b.quick else (False, True):
            b.keep_jobs(b.stack(), 400000 if not b.quick else 120000)
            beside_noop(b, "newJob + completeJob", "cycle", 0.6, ("newJob", "completeJob"),
                        connections, tls)
    if not b.quick:
        b.keep_jobs(b.stack(), 200000)
        beside_noop(b, "newJob + updateProgress + completeJob", "cycle+progress", 0.6,
                    ("newJob", "completeJob"), 64)


def open_pgbench_workers(stack, count):
    stack.sql(f"""select * from tracker.open_workers(
        array(select md5('bench' || n)::uuid from generate_series(0, {count} - 1) n),
        array(select 'pgbench-' || n from generate_series(0, {count} - 1) n),
        array_fill(1::int2, array[{count}]), array_fill('pgbench'::text, array[{count}]),
        array_fill(null::text, array[{count}]), array_fill(null::text, array[{count}]),
        slots => array_fill(256, array[{count}]));""")


def scenario_bare(b):
    """The same SQL functions without us: what group commit is worth."""
    stack = b.stack()
    clients, seconds = 16, b.seconds
    open_pgbench_workers(stack, clients)
    b.keep_jobs(stack, 600000 if not b.quick else 250000)
    r = interleave(b.rounds,
                   cycle=lambda: drive(b.build, stack, "cycle", seconds=seconds, flags=("--bye",)),
                   one=lambda: measure.pgbench(stack, ONE_BY_ONE, clients, seconds, b.folder),
                   hundred=lambda: measure.pgbench(stack, BY_HUNDRED, clients, seconds, b.folder))
    b.raw["bare"] = r
    b.judge("bare", r["cycle"])
    b.row("newJob + completeJob, 64 connections", median(r["cycle"], "done_rate"), "jobs/s",
          median(r["one"], "rate"), "pgbench, one at a time",
          note=f"pgbench with 100 at a time: {median(r['hundred'], 'rate') * 100:,.0f} jobs/s")
    b.laws("bare", stack)


def scenario_sync(b):
    """One call for a fleet: a hundred jobs at a time, beside pgbench that does the same."""
    stack = b.stack()
    open_pgbench_workers(stack, 16)
    journals = []

    def sync():
        journals.append(os.path.join(b.folder, f"journal.{time.monotonic_ns()}"))
        b.keep_jobs(stack, 200000)
        return drive(b.build, stack, "sync:100", 16, b.seconds,
                     flags=("--bye", "--journal", journals[-1]))

    def bench(script):
        b.keep_jobs(stack, 250000)
        return measure.pgbench(stack, script, 16, b.seconds, b.folder)

    r = interleave(b.rounds, sync=sync, hundred=lambda: bench(BY_HUNDRED),
                   one=lambda: bench(ONE_BY_ONE))
    b.raw["sync"] = r
    b.judge("sync", r["sync"])
    rate = median(r["sync"], "done_rate")
    b.row("sync, 100 wanted, 16 connections", rate, "jobs/s", median(r["hundred"], "rate") * 100,
          "pgbench, 100 at a time", 0.5, note=note_of(r["sync"], "sync"))
    b.row("sync, 100 wanted, 16 connections", rate, "jobs/s", median(r["one"], "rate"),
          "pgbench, one at a time", 5)
    b.laws("sync", stack, journals=[(stack, journals)])


def scenario_mixed(b):
    """v1's workers beside fleets: neither may send the other the long way."""
    stack = b.stack()
    journals = []

    def both():
        b.keep_jobs(stack, 400000)
        reports = {}

        def run(name, mix, connections):
            journals.append(os.path.join(b.folder, f"journal.{time.monotonic_ns()}"))
            reports[name] = drive(b.build, stack, mix, connections, b.seconds,
                                  flags=("--bye", "--journal", journals[-1]))

        fleets = threading.Thread(target=run, args=("fleets", "sync:100", 8))
        fleets.start()
        run("v1", "cycle", 48)
        fleets.join()
        return reports

    r = interleave(b.rounds, both=both)["both"]
    for name, words in (("v1", "newJob + completeJob, 48 connections"), ("fleets", "sync, 100 wanted, 8 fleets")):
        reports = [one[name] for one in r]
        b.raw[f"mixed {name}"] = reports
        b.judge(f"mixed, {name}", reports)
        b.row(f"mixed: {words}", median(reports, "done_rate"), "jobs/s",
              note=note_of(reports, "newJob" if name == "v1" else "sync"))
    b.laws("mixed", stack, journals=[(stack, journals)])
    for path in journals:
        os.unlink(path)


def scenario_lone(b):
    """One connection alone: no timer may add to what a commit and a call take."""
    stack, noop = b.stack(), b.noop()
    b.keep_jobs(stack, 100000)
    open_pgbench_workers(stack, 1)
    stack.sql("create table if not exists public.bench_commit (at timestamptz);")
    commit = "insert into public.bench_commit values (clock_timestamp());\n"
    r = interleave(b.rounds,
                   tracker=lambda: drive(b.build, stack, "cycle", 1, b.seconds, flags=("--bye",)),
                   noop=lambda: drive(b.build, noop, "cycle", 1, b.seconds, blind=True),
                   commit=lambda: measure.pgbench(stack, commit, 1, b.seconds, b.folder),
                   sql=lambda: measure.pgbench(stack, ONE_BY_ONE, 1, b.seconds, b.folder))
    b.raw["lone"] = r
    b.judge("lone", r["tracker"])
    bare = median(r["commit"], "p50_ms") + median(r["noop"], "calls", "newJob", "p50_us") / 1000
    for call in ("newJob", "completeJob"):
        b.row(f"{call} p50, one connection", median(r["tracker"], "calls", call, "p50_us") / 1000,
              "ms", bare, "a bare commit + a no-op call", 1.5 if call == "newJob" else None, True)
    both = {name: sum(median(r[name], "calls", call, "p50_us") for call in ("newJob", "completeJob"))
            for name in ("tracker", "noop")}
    b.row("  both, beside the SQL alone", both["tracker"] / 1000, "ms",
          median(r["sql"], "p50_ms") + both["noop"] / 1000, "pgbench with their SQL + two no-op calls",
          1.5, True)
    b.laws("lone", stack)
    stack.sql("drop table public.bench_commit;")


def crowded_pages(b, stack, jobs):
    """Each page rendered anew, one after the other, once a crowd has come to the stack."""
    workers, people = (1000, 10000) if b.quick else (10000, 100000)
    stack.sql(CROWD.format(workers=workers, people=people))
    stack.sql("vacuum analyze;", user="postgres")
    for name, path in (("dashboard", "/"), ("dashboard, all workers", "/?all=true"),
                       ("leaderboard", "/leaderboard")):
        full = f"{name}, rendered anew, p50; {jobs}, {workers:,} workers, {people:,} people"
        r = drive(b.build, stack, f"page:{path}", 1, b.seconds, flags=UNCACHED)
        b.judge(full, [r])
        b.raw[full] = r
        b.row(full, r["calls"]["page"]["p50_us"] / 1000, "ms",
              goal=None if "all" in path else 50, at_most=True,
              note=f"p99 {r['calls']['page']['p99_us'] / 1000:.1f} ms, "
                   f"{r['calls']['page']['bytes']} bytes")


def scenario_flat(b):
    """10^4 jobs, 10^7 loaded, 10^7 nearly all done: the same rate."""
    many = 10**6 if b.quick else 10**7
    small, loaded, done = (b.stack(name, page_cache=0) for name in ("small", "loaded", "done"))
    loaded.load(many)
    done.load(many)
    done.sql(MOSTLY_DONE.format(done=many - many // 100))
    for s in (loaded, done):
        s.sql("vacuum analyze; checkpoint;", user="postgres")

    def run(stack, need=0):
        def once():
            if need:
                b.keep_jobs(stack, need)
            return drive(b.build, stack, "cycle", 64, b.seconds, flags=("--bye",))
        return once

    r = interleave(b.rounds if b.quick else 5, small=run(small, 10**4 + 8000), loaded=run(loaded),
                   done=run(done))
    b.raw["flat"] = r
    for name in ("loaded", "done"):
        b.judge(f"flat ({name})", r[name])
        words = {"loaded": f"{many:,} jobs loaded", "done": f"{many:,} jobs, 99 % done"}[name]
        b.row(f"cycle, {words}", median(r[name], "rate"), "requests/s",
              median(r["small"], "rate"), "with 10^4 jobs", 0.9, note=note_of(r[name]))
        for call in ("newJob", "completeJob"):
            b.row(f"{call} p99, {words}", median(r[name], "calls", call, "p99_us") / 1000, "ms",
                  median(r["small"], "calls", call, "p99_us") / 1000, "with 10^4 jobs", 2, True)
    pages = {"jobCount": ("count", ()), "dashboard, uncached": ("page:/?all=true", UNCACHED)}
    for name, (mix, flags) in pages.items():
        one = {s: drive(b.build, b.stacks[s], mix, 1, 1.0, flags=flags) for s in ("small", "done")}
        call = "jobCount" if mix == "count" else "page"
        b.row(f"{name} p50, {many:,} jobs, 99 % done",
              one["done"]["calls"][call]["p50_us"] / 1000, "ms",
              one["small"]["calls"][call]["p50_us"] / 1000, "with 10^4 jobs", 2, True)
    crowded_pages(b, done, f"{many:,} jobs")
    b.laws("flat", small, loaded, done)


def scenario_snapshot(b):
    """A snapshot held open for minutes beside a running cycle, and after it is let go."""
    stack = b.stack()
    held_s = 20 if b.quick else 180
    b.keep_jobs(stack, 1000000)
    # Thousands of workers, as a fleet has: each one's own row is versioned too.
    flags = ("--bye", "--workers", "6400")
    before = [drive(b.build, stack, "cycle", 64, b.seconds, flags=flags) for _ in range(b.rounds)]
    holder = subprocess.Popen(["psql", "-XqAt", "-d", stack.conninfo], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True)
    holder.stdin.write("begin isolation level repeatable read; select count(*) from tracker.lease;\n")
    holder.stdin.flush()
    end = time.monotonic() + held_s
    beside = []
    while time.monotonic() < end:
        b.keep_jobs(stack, 200000)
        beside.append(drive(b.build, stack, "cycle", 64, 10, flags=flags))
    holder.stdin.close()
    holder.wait()
    time.sleep(15)  # for vacuum to come by
    b.keep_jobs(stack, 200000)
    after = [drive(b.build, stack, "cycle", 64, b.seconds, flags=flags) for _ in range(b.rounds)]
    b.raw["snapshot"] = {"before": before, "beside": beside, "after": after}
    b.judge("snapshot", before + beside + after)
    base = median(before, "rate")
    b.row(f"cycle, a snapshot held for {held_s} s", beside[-1]["rate"], "requests/s", base,
          "without", 1 / 1.5, by_cpu=cost(before) / cost(beside[-1:]))
    b.row("cycle, the snapshot let go", median(after, "rate"), "requests/s", base, "before", 0.9,
          by_cpu=cost(before) / cost(after))
    b.laws("snapshot", stack)


def scenario_load(b):
    """distcompute-load beside psql's \\copy of the same rows into the same table."""
    stack = b.stack("loading")
    count = 300000 if b.quick else 10**7
    rows = os.path.join(b.folder, "rows.tsv")
    with open(rows, "w") as f:
        subprocess.run(["awk", "-v", f"n={count}", 'BEGIN { for (i = 1; i <= n; i++) printf '
                        '"%d\\thttps://example.org/archive/part-%d.tar.gz\\n", i, i }'],
                       stdout=f, check=True)
    texts = os.path.join(b.folder, "rows.txt")
    with open(texts, "w") as f:
        subprocess.run(["cut", "-f2", rows], stdout=f, check=True)

    def bare():
        stack.sql("create table public.bare (like tracker.job including all);")
        stack.sql("checkpoint;", user="postgres")
        began = time.monotonic()
        stack.sql(f"\\copy public.bare from '{rows}'\n")
        took = time.monotonic() - began
        stack.sql("drop table public.bare;")
        stack.sql("checkpoint;", user="postgres")
        return {"rate": count / took}

    def ours():
        rss, took = stack.program("distcompute-load", "--txt", texts, "--reset", "--yes")
        return {"rate": count / took, "rss_mib": rss}

    r = interleave(1, bare=bare, ours=ours) if not b.quick else interleave(b.rounds, bare=bare,
                                                                             ours=ours)
    b.raw["load"] = r
    b.row(f"loading {count:,} lines", median(r["ours"], "rate"), "lines/s",
          median(r["bare"], "rate"), "psql \\copy", 0.7)
    b.row("memory of distcompute-load, resident", max(x["rss_mib"] for x in r["ours"]), "MiB",
          goal=64, at_most=True)
    first = drive(b.build, stack, "cycle", 1, 0.2, flags=("--bye", "--warmup", "0"))
    b.judge("load", [first])
    b.row("newJob, the first after the load (max)", first["calls"]["newJob"]["max_us"] / 1000, "ms")
    b.laws("load", stack)
    os.unlink(rows)
    os.unlink(texts)


def scenario_storm(b):
    """10,000 workers register and claim, fall silent past the time-out, and come back with results."""
    workers = 1000 if b.quick else 10000
    silence_s = 20
    stack = b.stack("storm", idle_timeout=8)
    b.keep_jobs(stack, workers * 3)
    journal = os.path.join(b.folder, "storm.journal")
    seen = {}

    def look():
        time.sleep(silence_s * 0.6)
        seen.update(measure.pool_state(stack.status["tracker_pid"]))

    looker = threading.Thread(target=look)
    looker.start()
    mix = f"newJob,barrier,pause:{silence_s * 1000},completeJob,newJob,completeJob"
    r = drive(b.build, stack, mix, workers, flags=("--cycles", "1", "--ramp", "3", "--bye",
                                                   "--journal", journal, "--limit", "60"))
    looker.join()
    b.raw["storm"] = r
    b.judge("storm", [r])
    b.row(f"{workers:,} workers registered in", r["setup_s"], "s",
          note=f"new p50 {r['calls']['new']['p50_us'] / 1000:.0f} ms, "
               f"p99 {r['calls']['new']['p99_us'] / 1000:.0f} ms")
    for call in ("newJob", "completeJob"):
        c = r["calls"].get(call, {"p50_us": 0, "p99_us": 0, "max_us": 0})
        b.row(f"{call} p99, {workers:,} at once", c["p99_us"] / 1000, "ms",
              note=f"p50 {c['p50_us'] / 1000:.0f} ms, max {c['max_us'] / 1000:.0f} ms")
    b.row("told to wait (503 with Retry-After)", r["busy"], "answers")
    b.row("unknown after the silence (404)", r["gone"], "answers",
          note="their jobs had been handed on")
    b.row("memory of the pool in the silence, resident", seen["rss_mib"], "MiB",
          note=f"proportional {seen['pss_mib']:.0f} MiB, {seen['threads']} threads, "
               f"{seen['descriptors']} descriptors")
    b.laws("storm", stack, journals=[(stack, [journal])])
    os.unlink(journal)


def beside_background(b, stack, background, name, is_there, look):
    """Runs drive with many connections; once they are there `look` measures beside them."""
    out = {}

    def run():
        out["report"] = drive(b.build, stack, **background)

    t = threading.Thread(target=run)
    t.start()
    wait_for(f"{name}: all connections", is_there, 60)
    seen = look()
    t.join()
    b.raw[name] = out["report"]
    return seen, out["report"]


def established(stack):
    """Connections of clients to the stack's plain port."""
    port = f":{stack.http:04X}"
    with open("/proc/net/tcp") as f:
        return sum(1 for line in f if line.split()[1].endswith(port) and line.split()[3] == "01")


def beats(b, stack):
    return [drive(b.build, stack, "progress", 64, b.seconds, flags=("--bye",))
            for _ in range(b.rounds)]


def scenario_idle(b):
    """10,000 idle keep-alive connections at nginx cost the tracker nothing."""
    stack = b.stack()
    count = 2000 if b.quick else 10000
    before = measure.pool_state(stack.status["tracker_pid"])
    seen = {}

    def look():
        seen.update(measure.pool_state(stack.status["tracker_pid"]))
        return beats(b, stack)

    alone = beats(b, stack)
    hold = int(b.rounds * (b.seconds + 1) * 1000) + 12000
    beside, report = beside_background(b, stack, {
        "mix": f"count,pause:{hold}", "connections": count,
        "flags": ("--cycles", "1", "--ramp", "3")}, "idle", lambda: established(stack) >= count, look)
    alone += beats(b, stack)
    b.judge("idle", [*alone, *beside, report])
    b.row(f"updateProgress beside {count:,} idle connections", median(beside, "rate"), "requests/s",
          median(alone, "rate"), "without them, before and after", 0.9)
    b.row("memory they cost the pool", seen["rss_mib"] - before["rss_mib"], "MiB",
          note=f"{seen['descriptors'] - before['descriptors']} descriptors, "
               f"{seen['threads'] - before['threads']} threads")


def scenario_parked(b):
    """10,000 calls of /api/sync parked: memory, and the others as fast as before."""
    count = 1000 if b.quick else 10000
    stack = b.stack("parked")
    before = measure.pool_state(stack.status["tracker_pid"])
    seen = {}

    def look():
        seen.update(measure.pool_state(stack.status["tracker_pid"]))
        return beats(b, stack)

    alone = beats(b, stack)
    wait_s = int(b.rounds * (b.seconds + 1)) + 30

    def is_parked():
        return measure.pool_state(stack.status["tracker_pid"])["descriptors"] >= count

    beside, report = beside_background(b, stack, {
        "mix": f"sync:1:{wait_s}", "connections": count, "seconds": wait_s - 5,
        "flags": ("--ramp", "3", "--warmup", "0", "--drain", str(wait_s + 10))}, "parked",
        is_parked, look)
    alone += beats(b, stack)
    b.judge("parked", [*alone, *beside, report])
    b.row(f"{count:,} parked calls, memory of the pool", seen["rss_mib"], "MiB",
          goal=400, at_most=True,
          note=f"proportional {seen['pss_mib']:.0f} MiB, before {before['rss_mib']:.0f} MiB, "
               f"{seen['descriptors']} descriptors, {seen['threads']} threads")
    b.row(f"updateProgress beside {count:,} parked calls", median(beside, "rate"), "requests/s",
          median(alone, "rate"), "without them, before and after", 0.9)
    woken = threading.Thread(target=lambda: b.raw.__setitem__("woken", drive(
        b.build, stack, "sync:1:30", count, flags=("--cycles", "1", "--ramp", "2"))))
    woken.start()
    wait_for("calls to be parked", is_parked, 60)
    time.sleep(1)
    began = time.monotonic()
    stack.load(count)
    woken.join()
    r = b.raw["woken"]
    b.judge("parked (woken)", [r])
    b.row(f"{count:,} parked calls, all with work after", time.monotonic() - began, "s",
          note="a load of as many jobs, and every call answered with one")
    b.laws("parked", stack, spent=True)


ATTACKS = ("bodies", "parks", "trickles", "resends")


def scenario_abuse(b):
    """Honest workers beside four attackers, each from an address of its own: bodies, parks, trickles, resends."""
    stack = b.stack("abuse")
    pid = stack.status["tracker_pid"]

    def cycle():
        b.keep_jobs(stack, int(20000 * (b.seconds + 5)))
        return drive(b.build, stack, "cycle", 64, b.seconds, flags=("--bye",))

    quiet = [cycle() for _ in range(b.rounds)]
    began = time.monotonic()
    attackers = [subprocess.Popen([os.path.join(ROOT, "tests/bench/attack.py"), kind, f"127.0.0.{n}", str(stack.http)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for n, kind in enumerate(ATTACKS, 2)]
    try:
        time.sleep(20)  # until all that they can have is theirs: 2,000 calls of 99 kB over 134 Mbit/s
        beside, memory = [], 0.0
        for _ in range(b.rounds):
            beside.append(cycle())
            memory = max(memory, measure.pool_state(pid)["rss_mib"])
    finally:
        took = time.monotonic() - began
        for a in attackers:
            a.kill()
        did = [(a.communicate()[0].split("\n")[-2:-1] or ["0 0"])[0].split() for a in attackers]
    b.judge("abuse", [*quiet, *beside])
    b.broken += [f"abuse: {kind} sent nothing" for kind, (_, sent) in zip(ATTACKS, did) if sent == "0"]
    b.raw["attackers"] = "; ".join(f"{kind} {int(calls) / took:,.0f} answers/s, {int(sent) / took / 1e6:,.1f} MB/s"
                                   for kind, (calls, sent) in zip(ATTACKS, did))
    for call in ("newJob", "completeJob"):
        b.row(f"{call} p99 beside four attackers", median(beside, "calls", call, "p99_us") / 1000, "ms",
              median(quiet, "calls", call, "p99_us") / 1000, "in quiet", 3, at_most=True)
    b.row("newJob + completeJob beside four attackers", median(beside, "rate"), "requests/s",
          median(quiet, "rate"), "in quiet", note=f"{note_of(beside, 'newJob')}; attackers: {b.raw['attackers']}")
    b.row("memory of the pool meanwhile, resident", memory, "MiB", goal=512, at_most=True)
    b.laws("abuse", stack)


# A fleet whose jobs fail over and over: 12 are claimed and come back, and it never rests. 48 a second. It sleeps at its end
# of the line: a transaction that slept on the server would keep all others from pruning the rows that they write over and over.
RETURNS = """
do $$ declare
	held record;
begin
	select array_agg(c.job) as jobs, array_agg(c.lease) as leases into held
	from tracker.claim_fleet(array[md5('bench0')::uuid], array[12], array[0]::int8[], array[{turn}]::int8[],
		array[false], array[false], '{{}}', '{{}}', array_fill(0::int8, array[10]),
		array(select gen_random_uuid() from generate_series(1, 12)), 16777216) c
	where c.status = 'job';
	commit;
	perform tracker.return_jobs(array_fill(md5('bench0')::uuid, array[cardinality(held.jobs)]), held.jobs, held.leases,
		array_fill('failed'::text, array[cardinality(held.jobs)]),
		array_fill('bench'::text, array[cardinality(held.jobs)]),
		array_fill(0::int8, array[cardinality(held.jobs)]));
	update tracker.worker set bad_row = 0, rest_until = '-infinity', allowance = 1000
	where token = md5('bench0')::uuid;
end $$;
\\! sleep 0.25
"""
# Some rest, for as long as is measured; then they are answered.
RESTS = """
update tracker.worker set bad_row = 12, rest_until = now() + interval '{seconds} seconds'
where id = any (array(select w.id from tracker.worker w where w.gone_at is null and w.name not like 'pgbench%'
	order by w.id desc limit {count}));
"""


def scenario_resting(b):
    """5 % of the workers rest and work comes back all the time, beside neither."""
    stack = b.stack("resting", retry_backoff="1", retry_backoff_max="1", max_attempts="1000000", pause_on_failures="no")
    connections, resting = 64, 3
    open_pgbench_workers(stack, 1)
    flags, waiting = ("--bye",), []

    def neither():
        b.keep_jobs(stack, 200000)
        stack.sql("update tracker.retry set due = now();")
        return drive(b.build, stack, "cycle", connections, b.seconds, flags=flags)

    def both():
        b.keep_jobs(stack, 200000)
        returns = threading.Thread(target=stack.sql, args=("".join(RETURNS.format(turn=n) for n in range(int(4 * (b.seconds + 4)))),))
        returns.start()

        def rest():
            time.sleep(1.5)
            stack.sql(RESTS.format(count=resting, seconds=b.seconds + 2))
            time.sleep(b.seconds / 2)
            waiting.append(int(stack.sql("select count(*) from tracker.retry")[0][0]))

        rests = threading.Thread(target=rest)
        rests.start()
        report = drive(b.build, stack, "cycle", connections, b.seconds, flags=(*flags, "--warmup", "2"))
        rests.join()
        returns.join()
        return report

    r = interleave(b.rounds, neither=neither, both=both)
    b.raw["resting"] = r
    b.judge("resting", r["neither"] + r["both"])
    b.row(f"newJob + completeJob, {resting} of {connections} rest, work comes back", median(r["both"], "done_rate"), "jobs/s",
          median(r["neither"], "done_rate"), "neither", 0.9, by_cpu=cost(r["neither"]) / cost(r["both"]),
          note=f"{min(waiting)} to {max(waiting)} waited to be done again; " + note_of(r["both"], "newJob"))
    b.laws("resting", stack)


def scenario_strangers(b):
    """Two hundred simulated workers, twenty more that are hostile in every way, and the same without these."""
    figures = os.path.join(b.folder, "strangers.json")
    simulate = os.path.join(ROOT, "tests/simulate/simulate.py")
    done = subprocess.run(["/usr/bin/python3", simulate, "--hostile", "--seeds", str(b.rounds), "--json", figures], text=True,
                          env={**os.environ, "TEST_BUILD_DIR": b.build}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if not os.path.exists(figures):
        raise measure.Failed(done.stdout[-2000:])
    with open(figures) as f:
        pairs = json.load(f)
    quiet, beside = [[pair[which] for pair in pairs] for which in (0, 1)]
    b.row("honest workers' results beside strangers", median(beside, "brought"), "results/s", median(quiet, "brought"), "without them", 0.8)
    for call in ("/api/newJob", "/api/completeJob"):
        b.row(f"{call[5:]} p99 of honest workers beside strangers", median(beside, "p99_ms", call), "ms",
              median(quiet, "p99_ms", call), "without them")
    for what, words in (("deaths", "honest workers that died"), ("lost", "jobs lost for good"), ("withdrawn", "good results withdrawn"),
                        ("wrong_results", "wrong results in the export"), ("wrong_after_undo", "of these after one undo")):
        b.row(words, max(course[what] for course in beside), "", goal=None if what == "wrong_results" else 0, at_most=True)
    b.broken += [f"strangers, seed {course['seed']}: {sentence}" for course in [*quiet, *beside] for sentence in course["wrong"]]


def scenario_pages(b):
    """Pages rendered anew, with 10,000 workers and 100,000 people."""
    stack = b.stack("crowd", page_cache=0)
    stack.load(1000)
    crowded_pages(b, stack, "1,000 jobs")
    b.laws("pages", stack, spent=True)


# Stages A and B are done with all jobs; of each `every` jobs one is a cheat's in stage A, the first
# `few` of which are another cheat's. Their workers came before their results.
SPOILT = """
set work_mem = '256MB';
insert into tracker.person (nickname) values ('filler'), ('many'), ('few') on conflict do nothing;
insert into tracker.worker (token, stage, name, person, created, seen, gone_at, gone_why)
 select gen_random_uuid(), s, p.nickname, p.id, now() - interval '400 days', now(), now(), 'bye'
 from tracker.person p, generate_series(1, 2) s where p.nickname in ('filler', 'many', 'few');
insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)
 select s, j, w.id, w.person, 1, gen_random_uuid(), now() - ({done} - j + 100) * interval '200 ms',
  now() - ({done} - j) * interval '200 ms',
  'result of ' || j || ' by 0.0 000000000000000000000000000000000000'
 from generate_series(1, 2) s cross join generate_series(1, {done}) j
 join tracker.worker w on w.stage = s and w.name = case when s = 2 or j % {every} > 0 then 'filler'
  when j > {every} * {few} then 'many' else 'few' end;
update tracker.ahead set first = {done} + 1 where first = 1;
update tracker.worker w set done = o.n
 from (select worker, count(*) as n from tracker.output group by 1) o where o.worker = w.id;
insert into tracker.tally (stage, batch, minute, slot, done)
 select o.stage, (select min(batch) from tracker.batch), date_trunc('minute', o.finished), 0, count(*)
 from tracker.output o group by 1, 3;
insert into tracker.credit (person, stage, minute, slot, done)
 select o.person, o.stage, date_trunc('minute', o.finished), 0, count(*)
 from tracker.output o group by 1, 2, 3;
select tracker.fold_tally(), tracker.fold_credit();
"""


def spoilt_stack(b, name, done, few):
    """A stack in which two cheats made a tenth of what stage A has brought."""
    stack = b.stack(name, page_cache=0)
    stack.load(done + 800000)
    stack.sql(SPOILT.format(done=done, every=10, few=few))
    stack.sql("vacuum analyze; checkpoint;", user="postgres")
    return stack


def undo(stack, who):
    """All that they made is set aside; the seconds that it took, its opening in them."""
    return stack.program("distcompute-admin", "undo", "--person", who, "--reason", "bench")[1]


def undo_beside(b, stack, few):
    """What an undo is to 64 workers beside it."""
    took = []

    def later():
        time.sleep(1.5)
        took.append(undo(stack, "few"))

    quiet = drive(b.build, stack, "cycle", 64, b.seconds, flags=("--bye",))
    thread = threading.Thread(target=later)
    thread.start()
    beside = drive(b.build, stack, "cycle", 64, 2 * few / 5000 + 10, flags=("--bye",))
    thread.join()
    b.judge("undo", [quiet, beside])
    b.raw["undo"] = {"quiet": quiet, "beside": beside}
    b.row(f"{2 * few:,} results undone beside 64 workers", 2 * few / took[0], "results/s", goal=5000)
    for call in ("newJob", "completeJob"):
        b.row(f"{call}, the longest meanwhile", beside["calls"][call]["max_us"] / 1000, "ms", goal=100, at_most=True,
              note=f"p99 {beside['calls'][call]['p99_us'] / 1000:.1f} ms; without an undo the longest "
                   f"{quiet['calls'][call]['max_us'] / 1000:.1f} ms")


def latest_ms(stack):
    """What "latest completions" takes in a session that has asked before."""
    ask = "select count(*) from tracker.read_latest(20);\n"
    times = [float(row[0].split()[1]) for row in stack.sql(f"{ask}\\timing on\n{ask * 5}") if row[0].startswith("Time:")]
    return sorted(times)[2]


def look_on(b, stack):
    """A cycle, and at once after it the pages that show what it brought."""
    b.keep_jobs(stack, 200000)
    cycle = drive(b.build, stack, "cycle", 64, b.seconds, flags=("--bye",))
    page = drive(b.build, stack, "page:/", 1, 1.0, flags=UNCACHED)
    return {"cycle": cycle, "page": page, "latest": latest_ms(stack)}


def undo_compare(b, twins, when, rounds):
    """The stack of which a tenth was undone beside its twin of which nothing was, in turn."""
    r = interleave(rounds, **{name: (lambda s=s: look_on(b, s)) for name, s in twins.items()})
    b.raw[f"undo, {when}"] = r
    cycles = {name: [x["cycle"] for x in r[name]] for name in twins}
    b.judge(f"undo, {when}", [x for reports in cycles.values() for x in reports])
    b.row(f"cycle, 64 connections, {when}", median(cycles["undone"], "rate"), "requests/s", median(cycles["intact"], "rate"),
          "its twin", 0.95 if when == "done anew" else None, note=note_of(cycles["undone"], "newJob", "completeJob"), by_cpu=cost(cycles["intact"]) / cost(cycles["undone"]))
    pages = {name: [x["page"] for x in r[name]] for name in twins}
    for words, ms in (("dashboard, rendered anew", lambda n: median(pages[n], "calls", "page", "p50_us") / 1000),
                      ("latest completions", lambda n: median(r[n], "latest"))):
        b.row(f"{words}, {when}", ms("undone"), "ms", ms("intact"), "its twin", 1 / 0.95, True)


def work_off(b, stack, stage, counted):
    """Fleets, until next to nothing waits there."""
    while int(stack.sql(counted)[0][0]) > 2000:
        if stage == "a":
            b.keep_jobs(stack, 400000)
        drive(b.build, stack, "sync:100", 16, 5, flags=("--bye", "--stage", stage))


def undo_anew(b, twins):
    """What was undone is done anew in both stages; the twin does as much that is new."""
    retries = "select count(*) from tracker.retry where stage = {}"
    work_off(b, twins["undone"], "a", retries.format(1))
    while int(twins["intact"].sql("select max(job) from tracker.output_a")[0][0]) < \
            int(twins["undone"].sql("select max(job) from tracker.output_a")[0][0]):
        b.keep_jobs(twins["intact"], 400000)
        drive(b.build, twins["intact"], "sync:100", 16, 5, flags=("--bye",))
    for stack in twins.values():
        work_off(b, stack, "b", "select count(*) from tracker.ready")
        b.keep_jobs(stack, 800000)
        stack.sql("vacuum analyze; checkpoint;", user="postgres")


def scenario_undo(b):
    """Of 10^7 results 50,000 undone beside 64 workers, then 10^6; and beside a twin: cycle, dashboard, latest completions."""
    done, few = (300000, 2500) if b.quick else (5000000, 25000)  # jobs: twice as many results
    twins = {name: spoilt_stack(b, name, done, few) for name in ("intact", "undone")}
    undo_all(b, twins, done, few)
    undo_compare(b, twins, "being done anew", b.rounds)
    undo_anew(b, twins)
    undo_compare(b, twins, "done anew", b.rounds)
    b.laws("undo", *twins.values())


def undo_all(b, twins, done, few):
    """A few beside workers, then the rest; vacuum has gone over what they left."""
    undo_beside(b, twins["undone"], few)
    n = 2 * (done // 10 - few)
    b.row(f"{n:,} of {2 * done:,} results undone, alone", n / undo(twins["undone"], "many"), "results/s", goal=5000)
    for stack in twins.values():
        stack.sql("vacuum analyze; checkpoint;", user="postgres")


# So many batches of one job each, as if the pipeline had run: the first ones are over, of the others the second
# stage is to come, and all stand in the first one's line until the keeper comes by.
MANY_BATCHES = """
create temp table span as
 select last + 1 as first, last + {over} as over, last + {over} + {open} as last
 from (select coalesce(max(last), 0) as last from tracker.batch) m;
insert into tracker.job (number, data) select n, 'x' from span, generate_series(first, last) n;
insert into tracker.batch (name, first, last, ended)
 select 'small ' || n, n, n, case when n <= over then now() end from span, generate_series(first, last) n;
insert into tracker.person (nickname) values ('filler') on conflict do nothing;
insert into tracker.worker (token, stage, name, person, created, seen, gone_at, gone_why, done)
 select gen_random_uuid(), 1, 'filler', id, now(), now(), now(), 'bye', {over} * 2 + {open}
 from tracker.person where nickname = 'filler';
insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)
 select s, n, w.id, w.person, 1, gen_random_uuid(), now(), now(), 'y'
 from tracker.worker w, span, generate_series(1, 2) s, generate_series(first, last) n
 where w.name = 'filler' and (s = 1 or n <= over);
insert into tracker.ready (stage, batch, job)
 select 2, batch, first from tracker.batch where first > (select over from span) and first <= (select last from span);
insert into tracker.tally (stage, batch, minute, slot, ready, done)
 select s, b.batch, date_trunc('minute', now()) - interval '5 minutes', 0, (s = 2 and b.ended is null)::int,
  (s = 1 or b.ended is not null)::int
 from tracker.batch b, generate_series(1, 2) s where b.first between (select first from span) and (select last from span);
insert into tracker.credit (person, stage, minute, slot, done)
 select w.person, s, date_trunc('minute', now()) - interval '5 minutes', 0, case s when 1 then {over} + {open} else {over} end
 from tracker.worker w, generate_series(1, 2) s where w.name = 'filler';
select tracker.fold_tally(), tracker.fold_credit();
update tracker.stage s set line = array(select batch from tracker.batch where ended is null order by batch);
"""


def batches_flat(b):
    """A thousand that are open and ten thousand that are over cost the others nothing."""
    one, many = (b.stack(name, page_cache=0) for name in ("one-batch", "many-batches"))
    over, open_ = (1000, 100) if b.quick else (10000, 999)
    many.sql(MANY_BATCHES.format(over=over, open=open_))
    for s in (one, many):
        s.load(500000, append=True)
        s.sql("vacuum analyze; checkpoint;", user="postgres")
    words = f"{open_ + 1:,} open and {over:,} ended batches"

    def run(stack, mix, connections):
        def once():
            b.keep_jobs(stack, 400000)
            return drive(b.build, stack, mix, connections, b.seconds, flags=("--bye",))
        return once

    # First: after a million results of a minute a dashboard has other work.
    for name, path in (("dashboard", "/"), ("list of batches", "/batches")):
        r = interleave(b.rounds, **{which: lambda s=s: drive(b.build, s, f"page:{path}", 1, b.seconds, flags=UNCACHED)
                                    for which, s in (("one", one), ("many", many))})
        b.judge(f"batches {name}", r["one"] + r["many"])
        b.row(f"{name}, rendered anew, p50; {words}", median(r["many"], "calls", "page", "p50_us") / 1000, "ms", goal=50,
              at_most=True, note=f"with one batch {median(r['one'], 'calls', 'page', 'p50_us') / 1000:.1f} ms; "
                                 f"{r['many'][-1]['calls']['page']['bytes']} bytes, not compressed")
    for name, mix, connections, figure in (("cycle", "cycle", 64, "rate"), ("sync, 100 wanted", "sync:100", 16, "done_rate")):
        r = interleave(b.rounds, one=run(one, mix, connections), many=run(many, mix, connections))
        b.raw[f"batches {name}"] = r
        b.judge(f"batches {name}", r["one"] + r["many"])
        b.row(f"{name}, {words}", median(r["many"], figure), "a second", median(r["one"], figure), "with one batch", 0.9,
              by_cpu=cost(r["one"]) / cost(r["many"]))
    b.laws("batches", one, many)


def a_claim(stack, token, want):
    """What /api/sync hands out, and how long that took."""
    began = time.monotonic()
    answer = post(stack, "/api/sync", {"token": token, "want": want, "slots": 256})
    return [job["job"] for job in answer["jobs"]], time.monotonic() - began


def ask(stack, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.http}{path}", timeout=60) as answer:
        return answer.read()


def post(stack, path, fields):
    request = urllib.request.Request(f"http://127.0.0.1:{stack.http}{path}", json.dumps(fields).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def batches_urgent(b):
    """A million wait, also such that came back; of an urgent hundred, that are loaded then, are the next hundred claims."""
    count = 10**5 if b.quick else 10**6
    stack = b.stack("urgent")
    stack.load(count)
    spoilt, token = [json.loads(ask(stack, "/api/new?nickname=bench&stage=a"))["token"] for _ in range(2)]
    stack.sql("update tracker.worker set allowance = 1000;")
    held = post(stack, "/api/sync", {"token": spoilt, "want": 200, "slots": 256})["jobs"]
    post(stack, "/api/sync", {"token": spoilt, "released": [{"job": j["job"], "lease": j["lease"]} for j in held]})
    stack.sql("update tracker.retry set due = now() - interval '1 minute';")
    _, took = stack.program("distcompute-load", "--append", "--batch", "urgent", "--priority", "10", "--brace", "u{1..100}")
    jobs, claim_s = a_claim(stack, token, 100)
    b.row("of the next 100 claims, of an urgent batch", sum(j > count for j in jobs), "jobs", goal=100,
          note=f"{count:,} wait, {len(held)} of them came back; loaded in {took * 1000:.0f} ms, claimed in {claim_s * 1000:.1f} ms")
    stack.program("distcompute-admin", "hurry", str(count))
    b.row("the next claim, a job of an older batch that was hurried", a_claim(stack, token, 1)[0] == [count], "", goal=1)
    b.laws("batches urgent", stack, spent=True)


def batches_cancel(b):
    """A million that wait in both stages are cancelled beside 64 workers of another batch."""
    count = 10**5 if b.quick else 10**6
    stack = b.stack("cancelled")
    stack.load(2 * count)
    stack.sql(MOSTLY_DONE.format(done=count).replace("generate_series(1, 2) s", "generate_series(1, 1) s"))
    stack.sql(f"""
        update tracker.worker set done = {count} where name = 'filler';
        insert into tracker.ready (stage, batch, job) select 2, 1, n from generate_series(1, {count}) n;
        insert into tracker.tally (stage, batch, minute, slot, ready)
         values (2, 1, date_trunc('minute', now()) - interval '5 minutes', 0, {count});
        select tracker.fold_tally();
        update tracker.stage set line = array[1];""")
    stack.load(400000, append=True)
    stack.sql("update tracker.batch set priority = 10 where batch = 2; update tracker.stage set line = tracker.sort_line(array[1, 2]);"
              "vacuum analyze; checkpoint;", user="postgres")
    took = {}

    def cancel():
        time.sleep(b.seconds / 2)
        name = stack.sql("select name from tracker.batch where batch = 1")[0][0]
        _, took["s"] = stack.program("distcompute-admin", "batch", "cancel", name)

    def cycle(beside=None):
        thread = threading.Thread(target=beside or (lambda: None))
        thread.start()
        report = drive(b.build, stack, "cycle", 64, b.seconds, flags=("--bye",))
        thread.join()
        return report

    alone, beside = cycle(), cycle(cancel)
    b.judge("batches cancel", [alone, beside])
    left = stack.sql("select sum(ready + retry), sum(cancelled) from tracker.read_batches(array[1])")[0]
    b.row("jobs cancelled beside 64 workers, stages A and B", int(left[1]), "jobs", goal=2 * count,
          note=f"in {took['s'] * 1000:.0f} ms, {left[0]} of them wait still")
    for call in ("newJob", "completeJob"):
        b.row(f"{call}, the longest meanwhile", beside["calls"][call]["max_us"] / 1000, "ms", goal=100, at_most=True,
              note=f"p99 {beside['calls'][call]['p99_us'] / 1000:.1f} ms; without a cancel the longest "
                   f"{alone['calls'][call]['max_us'] / 1000:.1f} ms")
    b.laws("batches cancel", stack, spent=True)


def batches_parked(b):
    """Jobs that need what nobody has wake none of those who wait."""
    count = 1000 if b.quick else 5000
    stack = b.stack("needs")

    def is_parked():
        return measure.pool_state(stack.status["tracker_pid"])["descriptors"] >= count

    waiting = threading.Thread(target=lambda: b.raw.__setitem__("needs", drive(
        b.build, stack, "sync:1:40", count, 30, flags=("--ramp", "3", "--warmup", "0", "--drain", "60"))))
    waiting.start()
    wait_for("calls to be parked", is_parked, 90)
    time.sleep(3)
    then = stack.sql("select clock_timestamp()")[0][0]
    stack.program("distcompute-load", "--append", "--needs", "gpu", "--brace", "g{1..1200}")
    time.sleep(4)
    woken = stack.sql(f"select count(*) from tracker.worker where asked_at > '{then}'")[0][0]
    waiting.join()
    b.judge("batches needs", [b.raw["needs"]])
    b.row(f"of {count:,} parked calls, woken by 1,200 jobs that need a gpu", int(woken), "calls", goal=0, at_most=True)
    b.laws("batches needs", stack, spent=True)


def scenario_batches(b):
    """A thousand batches beside one; an urgent one, a cancel under load, needs that nobody has."""
    batches_flat(b)
    batches_urgent(b)
    batches_cancel(b)
    batches_parked(b)


SCENARIOS = [scenario_disk, scenario_single, scenario_static, scenario_cycle, scenario_bare,
             scenario_lone, scenario_sync, scenario_mixed, scenario_load, scenario_storm, scenario_idle,
             scenario_parked, scenario_abuse, scenario_resting, scenario_pages, scenario_snapshot, scenario_flat,
             scenario_undo, scenario_batches, scenario_strangers]
QUICK = ["disk", "single", "cycle", "bare", "lone", "sync", "load"]
