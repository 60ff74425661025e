-- The leases that are sent again: of the same call (rerun), or given before this call came and not
-- among what the worker says it holds; oldest first, within its want and the limit of its answer. Who
-- wants none, and says what it holds, hears of all, a thousand at a time.
--
-- Caller	claim_fleet. w_*: the workers that ask; rerun, has_holding: by item; hold_*: see there.
--		Costs what the worker has leased, and the logarithm of what it lists.
-- Answer	a row a lease: whose (the place in w_*), how long its data is.
-- Errors	none.
-- Locks	none; the caller holds the workers' rows, so their leases stay.
-- Index	lease by worker; job and output by key; lengths are known without the data being read.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
drop function if exists tracker.list_unheard(int4[], int8[], uuid[], timestamptz[], int8[], int4[],
	boolean[], boolean[], int4[], int8[], int4);
create function tracker.list_unheard(w_item int4[], w_worker int8[], w_held uuid[],
	w_arrived timestamptz[], w_call int8[], w_want int4[], rerun boolean[], has_holding boolean[],
	hold_ends int4[], hold_jobs int8[], p_limit int4)
returns table (pos int4, lease tracker.lease, bytes int8)
language sql
stable
as $$
	select z.pos, z.lease, z.bytes
	from (
		select y.*, row_number() over p as nth, sum(y.bytes) over p as total
		from (
			select u.pos::int4 as pos, l.lease, l.since, l.job, case when l.stage = 1
				then (select octet_length(j.data) from tracker.job j where j.number = l.job)
				else (select octet_length(o.data) from tracker.output o
					where o.stage = l.stage - 1 and o.job = l.job) end::int8 as bytes
			from unnest(w_item, w_worker, w_held, w_arrived, w_call)
				with ordinality as u(item, worker, held, arrived, call, pos)
			cross join lateral (
				select hold_jobs[coalesce(hold_ends[u.item - 1], 0) + 1 : hold_ends[u.item]] as jobs
				offset 0) h
			cross join lateral (
				select q as lease, q.stage, q.job, q.since
				from tracker.lease q
				where q.worker = u.worker and q.id is distinct from u.held
					and (rerun[u.item] and q.call = u.call
					or has_holding[u.item] and q.since < u.arrived
						and h.jobs[width_bucket(q.job, h.jobs)] is distinct from q.job)
				order by q.since, q.job
				limit coalesce(nullif(w_want[u.pos], 0), 1000)) l
			where rerun[u.item] or has_holding[u.item]) y
		window p as (partition by y.pos order by y.since, y.job)) z
	where z.total <= p_limit or z.nth = 1
	order by z.pos, z.nth
$$;
