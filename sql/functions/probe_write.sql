-- A write of the tracker's own: does PostgreSQL take any now? With `room` also: is there space left
-- for so many bytes?
--
-- Caller	run/committer.c, when it was refused, at most once a second; web/api_ops.c for
--		/readyz, when nobody has written lately, without room.
-- Answer	true.
-- Errors	whatever is wrong.
-- Locks	the row of its slot; a table of its own, which nobody else sees.
-- Index	probe by slot.
-- Source	an update finds room in its page when the disk is full, and so does a row in a table that
--		was vacuumed: only a new table is sure to need new pages.
create or replace function tracker.probe_write(room int4)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_table text := 'probe_' || pg_backend_pid();
begin
	insert into tracker.probe as p (slot, at)
	values (tracker.own_slot(), clock_timestamp())
	on conflict (slot) do update set at = excluded.at;
	if room > 0 then
		-- Rows that are too short to be compressed.
		execute format('create table tracker.%I as'
			' select repeat(''x'', 1900) as data from generate_series(1, %s)',
			v_table, room / 1900 + 1);
		execute format('drop table tracker.%I', v_table);
	end if;
	return true;
end $$;
