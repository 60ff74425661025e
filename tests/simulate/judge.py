"""
judge -- holds the tables against the ledger. Every function yields sentences about what is wrong.
"""
import steering


def judge(stack, world):
    wrong = list(world.ledger.wrong)
    for look in (the_laws, no_honest_worker_died, every_job_is_done_once, promises_are_kept, refusals_are_no_outputs,
                 credit_is_completions, hand_outs_have_an_end, nothing_is_left, deadlocks_are_rare, *steering.LAWS):
        wrong += [f"{look.__name__}: {sentence}" for sentence in look(stack, world)]
    for stage, job in world.ledger.suspects[:5]:
        wrong += [f"stage {stage} job {job}: {row}" for row in stack.sql(
            "select kind, reason, lease::text, worker, at::text from tracker.strike where stage = %s and job = %s order by at",
            stage, job)]
    return wrong


def the_laws(stack, world):
    for row in stack.broken_laws():
        yield str(row)


def no_honest_worker_died(stack, world):
    """The published loop raises at any status but 200, and catches nothing."""
    yield from world.ledger.honest_deaths[:10]


def every_job_is_done_once(stack, world):
    done = {s: {j for (j,) in stack.sql("select job from tracker.output where stage = %s", s)} for s in (1, 2)}
    failed = {s: {j for (j,) in stack.sql("select job from tracker.failed where stage = %s", s)} for s in (1, 2)}
    inputs = set(world.inputs)
    # Of a cancelled batch it is enough that nothing is done that was not given: every_batch_is_counted.
    cancelled = {j for first, last in stack.sql("select first, last from tracker.batch where cancelled") for j in range(first, last + 1)}
    for stage, given in ((1, inputs), (2, done[1])):
        if done[stage] & failed[stage]:
            yield f"stage {stage}: done and failed: {sorted(done[stage] & failed[stage])[:5]}"
        if (done[stage] | failed[stage]) - given or given - cancelled - done[stage] - failed[stage]:
            yield (f"stage {stage}: {len(given)} given, {len(done[stage])} done, {len(failed[stage])} failed; "
                   f"missing {sorted(given - cancelled - done[stage] - failed[stage])[:5]}")


def _outputs(stack, table):
    return set(stack.sql(f"select stage::int, job, data from tracker.{table}"))


def promises_are_kept(stack, world):
    have = _outputs(stack, "output") | _outputs(stack, "refused_output")
    for promise in sorted(world.ledger.promised - have)[:5]:
        yield f"acknowledged and not there: {promise}"
    made = {(stage, job, data) for (stage, job), datas in world.ledger.made.items() for data in datas}
    for row in sorted(have - made)[:5]:
        yield f"nobody made this: {row}"


def refusals_are_no_outputs(stack, world):
    have = _outputs(stack, "output") | _outputs(stack, "refused_output")
    for row in sorted((world.ledger.refused - world.ledger.promised) & have)[:5]:
        yield f"refused and there all the same: {row}"


def credit_is_completions(stack, world):
    rows = stack.sql("""
        select p.nickname, p.done + coalesce(c.done, 0) - p.withdrawn - coalesce(c.withdrawn, 0), coalesce(o.n, 0)
        from tracker.person p
        left join (select person, sum(done) as done, sum(withdrawn) as withdrawn from tracker.credit group by person) c
            on c.person = p.id
        left join (select person, count(*) as n from tracker.output group by person) o on o.person = p.id
        where p.done + coalesce(c.done, 0) - p.withdrawn - coalesce(c.withdrawn, 0) <> coalesce(o.n, 0)""")
    for nickname, credit, outputs in rows[:5]:
        yield f"{nickname} has {credit} and made {outputs}"


def hand_outs_have_an_end(stack, world):
    """Each hand-out that a worker heard of became a result, or a strike says why not."""
    ends = set()
    for table in ("output", "refused_output", "strike"):
        ends |= set(stack.sql(f"select stage::int, job, lease::text from tracker.{table} where lease is not null"))
    for row in sorted(world.ledger.leases - ends)[:5]:
        yield f"no end for {row}"
    twice = stack.sql("""
        select o.stage, o.job from (select stage, job, lease from tracker.output
            union all select stage, job, lease from tracker.refused_output) o
        group by 1, 2, o.lease having count(*) > 1""")
    for row in twice[:5]:
        yield f"one hand-out, two results: {row}"


def nothing_is_left(stack, world):
    for table in ("lease", "retry", "ready"):
        # What waits of a cancelled batch is cancelled, wherever its row is.
        left = stack.one(f"select count(*) from tracker.{table} t join tracker.batch b on b.batch = t.batch"
                         f" where not b.cancelled or '{table}' = 'lease'")
        if left:
            yield f"{left} rows in {table}"


def deadlocks_are_rare(stack, world):
    """Locks are taken in one order (sql/README.md): one in 100,000 calls at most, and one is forgiven."""
    calls = sum(world.ledger.calls.values())
    found = stack.one("select deadlocks from pg_stat_database where datname = current_database()")
    if found > max(1, calls / 100_000):
        yield f"{found} deadlocks in {calls} calls"
