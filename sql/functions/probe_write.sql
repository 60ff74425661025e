-- A write of the tracker's own: does PostgreSQL take any now? With `room` also: would it take all that
-- a job's way writes, with a result of so many bytes?
--
-- Caller	run/committer.c with room, when it was refused, and with little when nothing was completed for a
--		while; web/api_ops.c for /readyz, when nobody has written lately, without.
-- Answer	true.
-- Errors	whatever is wrong.
-- Locks	the row of its slot in a table of its own; with room: the barrier, every table that calls write to,
--		as they do, and rows of worker, lease, output, tally and credit that nobody else sees.
-- Index	probe by slot.
-- Source	what is refused may be in one table alone: its disk is full, it is locked, a right to it was taken.
--		So a result is taken in of each stage, by complete_jobs itself, for a worker and a job that there
--		are not, and then rolled back. The data cannot be compressed much, or it would need no room.
create or replace function tracker.probe_write(room int4)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
	v_ok boolean;
	v_job int8 := - pg_backend_pid();	-- two may ask at the same time
	v_data text;
	v_token uuid;
	v_lease uuid;
	v_status text;
	s record;
begin
	insert into tracker.probe as p (slot, at)
	values (tracker.own_slot(), clock_timestamp())
	on conflict (slot) do update set at = excluded.at;
	if room <= 0 then
		return true;
	end if;

	v_ok := tracker.pass_barrier();
	lock table tracker.ban, tracker.person, tracker.worker, tracker.lease, tracker.strike, tracker.retry,
		tracker.ready, tracker.failed, tracker.frontier, tracker.output, tracker.refused_output,
		tracker.tally, tracker.credit in row exclusive mode;
	v_data := (select string_agg(md5(g.n::text), '') from generate_series(1, room / 32 + 1) as g(n));
	begin
		for s in select q.stage from tracker.stage q order by q.stage loop
			v_token := gen_random_uuid();
			v_lease := gen_random_uuid();
			with w as (
				insert into tracker.worker (token, stage, name, person, created, seen)
				values (v_token, s.stage, v_token::text, 0, clock_timestamp(), clock_timestamp())
				returning id)
			insert into tracker.lease (stage, batch, job, id, worker, since, attempt, call)
			select s.stage, 0, v_job, v_lease, w.id, clock_timestamp(), 1, 0 from w;
			select r.status into v_status
			from tracker.complete_jobs(array[v_token], array[v_job], array[v_lease], array[v_data],
				array[v_token], array[0::int8]) r;
			if v_status is distinct from 'accepted' then
				raise exception 'a result of the tracker''s own is %', v_status;
			end if;
		end loop;
		raise exception 'to be rolled back' using errcode = 'TR999';
	exception when sqlstate 'TR999' then
		null;
	end;
	return true;
end $$;
