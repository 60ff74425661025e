-- Whom of a bundle of v1's the long way is for, because work came back: twice as many as that, who wait longest, for
-- of what they get it is half at the most.
--
-- Caller	claim_fresh. p_found: how many ask.
-- Answer	their places in the bundle; empty: nothing came back; null: there is no batch (p_batch null).
-- Errors	none.
-- Locks	none.
-- Index	retry by (stage, batch, due).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.who_goes_long(p_stage int2, p_batch int4, p_found int4, p_ages_us int8[])
returns int4[]
language sql
strict
as $$
	select array(
		select g.n from generate_series(1, p_found) as g(n)
		order by p_ages_us[g.n] desc, g.n
		limit (
			select 2 * count(*) from (
				select from tracker.retry r
				where r.stage = p_stage and r.batch = p_batch and r.due <= clock_timestamp()
				limit p_found) d))
$$;
