-- A step of a merge: moves some workers, then some refused results, to whom they belong to now.
--
-- Caller	distcompute-admin person merge, until nothing was moved. most: rows, so that a step takes some
--		50 ms.
-- Answer	how many were moved.
-- Errors	TR002: there is no such merge under way.
-- Locks	the merge's line in audit; workers, each for as long as a step.
-- Index	worker_person; refused_output_person.
create or replace function tracker.merge_step(merge int8, most int4)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_merge constant int8 := merge_step.merge;
	v_from int8;
	v_into int8;
	v_moved int8;
begin
	select (a.details ->> 'person')::int8 into v_from from tracker.audit a
	where a.id = v_merge and a.act = 'merge people' and a.state = 'begun' for update;
	if not found then
		raise exception 'merge % is not under way', v_merge using errcode = 'TR002';
	end if;
	select p.merged_into into v_into from tracker.person p where p.id = v_from;
	update tracker.worker w set person = v_into
	where w.id = any (array(
		select q.id from tracker.worker q where q.person = v_from
		order by q.token limit most for no key update));
	get diagnostics v_moved = row_count;
	if v_moved = 0 then
		update tracker.refused_output r set person = v_into
		where r.id = any (array(
			select q.id from tracker.refused_output q where q.person = v_from limit most));
		get diagnostics v_moved = row_count;
	end if;
	update tracker.audit a set count = a.count + v_moved, changed = clock_timestamp(),
		state = case when v_moved = 0 then 'done' else 'begun' end
	where a.id = v_merge;
	return v_moved;
end $$;
