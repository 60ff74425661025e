-- Which items of a bundle were accepted, when not all of them were.
--
-- Caller	complete_jobs. Arrays are aligned, an element an item; i_attempt null: its lease is not to be
--		had. p_look: an output was there already, which is impossible while the laws hold, and is not
--		counted again.
-- Answer	an element an item: accepted, or null.
-- Errors	none.
-- Locks	none.
-- Index	output by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.which_accepted(i_stage int2[], i_job int8[], i_lease uuid[],
	i_attempt int4[], p_look boolean)
returns text[]
language sql
stable
as $$
	select array(
		select case when i_attempt[g.n] is not null and (not p_look or exists (
			select from tracker.output o
			where o.stage = i_stage[g.n] and o.job = i_job[g.n] and o.lease = i_lease[g.n]))
			then 'accepted' end
		from generate_series(1, cardinality(i_stage)) as g(n))
$$;
