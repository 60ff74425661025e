-- Is there room on the disks that the tracker's tables are on, for more than what deleted rows have left free?
--
-- Caller	run/committer.c, where nothing was completed for a while: with probe_write, whose few bytes find room on a full disk.
-- Answer	true: there is, or somebody reads our table (a dump) and it is not known.
-- Errors	disk_full, and what else a disk says.
-- Locks	room, all of it, if it is free.
-- Index	none.
-- Source	a table that is truncated gets a new file, and each page of it is asked of the disk. All of it is rolled back,
--		and the file with it; unlogged, so that no log is written.
create or replace function tracker.probe_room()
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
	c_pages constant int4 := 32;
	v_space text;
begin
	begin
		lock table tracker.room in access exclusive mode nowait;
	exception when lock_not_available then
		return true;
	end;
	for v_space in
		select distinct t.spcname
		from pg_class c
		join pg_database d on d.datname = current_database()
		join pg_tablespace t on t.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
		where c.relnamespace = 'tracker'::regnamespace and c.relkind = 'r'
			and (t.oid = d.dattablespace or has_tablespace_privilege(t.oid, 'create'))
	loop
		begin
			truncate tracker.room;
			execute format('alter table tracker.room set tablespace %I', v_space);
			insert into tracker.room (filler)
			select repeat('.', 8000) from generate_series(1, c_pages);
			raise exception 'to be rolled back' using errcode = 'TR999';
		exception when sqlstate 'TR999' then
			null;
		end;
	end loop;
	return true;
end $$;
