-- Ends a worker's rest, and forgets what brought it about: "I have mended it".
--
-- Caller	end_rest; the tracker, for who may. The caller tells other processes that the worker changed.
-- Answer	a row when it is here: for how many seconds more it would have rested, 0 when it did not; and its token's
--		hash, by which others are told.
-- Errors	none.
-- Locks	the worker.
-- Index	worker by id.
create or replace function tracker.end_rest_of(of_worker int8, out seconds int4, out token uuid)
returns setof record
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	w record;
begin
	select q.name, q.stage, q.token, q.rest_until into w
	from tracker.worker q
	where q.id = of_worker and q.gone_at is null
	for no key update;
	if not found then
		return;
	end if;
	seconds := tracker.left_to_rest(w.rest_until, clock_timestamp());
	token := w.token;
	update tracker.worker q set bad_row = 0, soft_row = 0, rest_until = '-infinity' where q.id = of_worker
		and (q.bad_row <> 0 or q.soft_row <> 0 or q.rest_until > '-infinity');
	if found then
		perform tracker.audit_act('end rest', format('%s of stage %s', w.name, tracker.letter_of(w.stage)), 1, null);
	end if;
	return next;
end $$;
