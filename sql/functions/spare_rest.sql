-- Takes bad ends that were the work's fault off their workers: they rest no longer than the others ask for.
--
-- Caller	judge_batches. Arrays are aligned: a worker, and how many of its ends were failed or abandoned, and how
--		many flagged or let go.
-- Answer	nothing.
-- Errors	none.
-- Locks	rows of worker, in order of id.
-- Index	worker by id.
-- Source	runs under its caller's settings.
drop function if exists tracker.spare_rest(int2, int8, int8, timestamptz, int4);
create or replace function tracker.spare_rest(of_workers int8[], hard int4[], soft int4[])
returns void
language plpgsql
as $$
#variable_conflict use_column
begin
	perform from tracker.worker w where w.id = any (of_workers) order by w.id for update;
	update tracker.worker w
	set bad_row = c.bad, soft_row = c.soft, allowance = greatest(w.allowance, w.slots),
		rest_until = case when c.rest = interval '0' then '-infinity'
			else least(w.rest_until, clock_timestamp() + c.rest) end
	from (
		select x.id, x.bad, x.soft, tracker.rest_after(x.bad, x.soft) as rest
		from (
			select v.id, greatest(v.bad_row - b.hard, 0) as bad, greatest(v.soft_row - b.soft, 0) as soft
			from unnest(of_workers, hard, soft) as b(worker, hard, soft)
			join tracker.worker v on v.id = b.worker) x) c
	where w.id = c.id;
end $$;
