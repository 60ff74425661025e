-- Ends the rests that workers had from their origin and not from ends of their own.
--
-- Caller	count_newcomers, when results have come from there.
-- Answer	nothing.
-- Errors	none.
-- Locks	rows of worker, in order of id.
-- Index	worker_stage_present.
-- Source	runs under its caller's settings.
create or replace function tracker.end_inherited(origins int8[])
returns void
language plpgsql
as $$
declare
	w_id int8[];
begin
	w_id := array(
		select w.id from tracker.worker w
		where w.gone_at is null and w.origin = any (origins) and w.bad_row + w.soft_row = 0
			and w.rest_until > clock_timestamp()
		order by w.id for no key update);
	update tracker.worker w set rest_until = '-infinity' where w.id = any (w_id);
end $$;
