-- Answers some of a bundle of v1's the long way.
--
-- Caller	claim_fresh. which: their places in the bundle; other parameters: as there.
-- Answer	as claim_held, with places in the bundle.
-- Errors	none for one item.
-- Locks	see claim_held.
-- Index	see claim_held.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.claim_some(which int4[], tokens uuid[], ages_us int8[], calls int8[],
	hints int8[], ids uuid[], answer_limit int4)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language sql
as $$
	select coalesce(which[h.item], 0), h.status, h.worker, h.stage, h.job, h.lease, h.attempt, h.data
	from tracker.claim_held(
		array(select tokens[u.n] from unnest(which) as u(n)),
		array(select ages_us[u.n] from unnest(which) as u(n)),
		array(select calls[u.n] from unnest(which) as u(n)), hints,
		array(select ids[u.n] from unnest(which) as u(n)), answer_limit) h
$$;
