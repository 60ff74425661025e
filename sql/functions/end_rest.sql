-- Ends a worker's rest, and forgets what brought it about: "I have mended it".
--
-- Caller	distcompute-admin worker end-rest.
-- Answer	a row when it is here: for how many seconds more it would have rested, 0 when it did not.
-- Errors	none.
-- Locks	the worker.
-- Index	worker by (stage, name).
create or replace function tracker.end_rest(stage int2, name text)
returns table (seconds int4)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	select tracker.left_to_rest(w.rest_until, clock_timestamp()) into seconds
	from tracker.worker w
	where w.stage = end_rest.stage and w.name = end_rest.name and w.gone_at is null
	for no key update;
	if not found then
		return;
	end if;
	update tracker.worker w set bad_row = 0, soft_row = 0, rest_until = '-infinity'
	where w.stage = end_rest.stage and w.name = end_rest.name;
	perform tracker.audit_act('end rest',
		format('%s of stage %s', end_rest.name, chr(96 + end_rest.stage)), 1, null);
	return next;
end $$;
