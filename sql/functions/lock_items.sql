-- Opens a bundle of results or returns: locks the workers, in order of token, and says what each item
-- means. v1's items (lease null) mean the job that the worker holds; where they name another, none.
--
-- Caller	complete_jobs, return_jobs. Arrays are aligned, an element an item.
-- Answer	the same: its worker (null: there is none), stage, person and why it is gone, the job and lease
--		that are meant, whether it is v1's, and when it came.
-- Errors	none.
-- Locks	worker (by token).
-- Index	worker by token.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.lock_items(p_tokens uuid[], p_jobs int8[], p_leases uuid[],
	p_ages_us int8[], out workers int8[], out stages int2[], out persons int8[], out gone text[],
	out jobs int8[], out leases uuid[], out v1 boolean[], out arrived timestamptz[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
begin
	with w as materialized (
		select l.*
		from (select distinct t.token from unnest(p_tokens) as t(token)
			where t.token is not null order by t.token) u
		cross join lateral (
			select q.token, q.id, q.stage, q.person, q.gone_why, q.held_job, q.held_lease
			from tracker.worker q where q.token = u.token
			for no key update) l)
	select array_agg(x.id), array_agg(x.stage), array_agg(x.person), array_agg(x.gone_why),
		array_agg(case when x.is_v1 then x.named_job else x.job end),
		array_agg(case when x.is_v1 and x.named_job is not null then x.held_lease
			else x.lease end),
		array_agg(x.is_v1), array_agg(x.came)
	into workers, stages, persons, gone, jobs, leases, v1, arrived
	from (
		select w.*, n.job, n.lease, n.lease is null as is_v1,
			case when n.job is null or n.job = w.held_job then w.held_job end as named_job,
			v_now - make_interval(secs =>
				least(greatest(coalesce(n.age, 0), 0), 1e12) / 1e6) as came
		from unnest(p_tokens, p_jobs, p_leases, p_ages_us)
			with ordinality as n(token, job, lease, age, n)
		left join w on w.token = n.token
		order by n.n) x;
end $$;
