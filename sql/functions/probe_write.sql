-- A write of the tracker's own: does PostgreSQL take any now? With `room` also: would it take all that
-- a job's way writes, with a result of so many bytes?
--
-- Caller	run/committer.c with room, when it was refused, and with little when nothing was completed for a
--		while; web/api_ops.c for /readyz, when nobody has written lately, without.
-- Answer	true.
-- Errors	whatever is wrong.
-- Locks	the row of its slot in a table of its own; with room: the barrier, every table that calls write to,
--		as they do, and rows of them that nobody else sees.
-- Index	probe by slot.
-- Source	what is refused may be in one table alone: its disk is full, it is locked, a right to it was taken.
--		Or a rule there refuses all of them, for a reason of values: that is no op's fault either. So of each
--		stage a result and a bad end are taken in, by complete_jobs and return_jobs themselves, for a person, a
--		worker and jobs that there are not, rows go where else calls put some, and all is rolled back. The
--		data cannot be compressed much, or it would need no room.
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
	v_batch int4 := - pg_backend_pid();
	v_data text;
	v_token uuid;
	v_lease uuid[];
	v_person int8;
	v_status text[];
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
		insert into tracker.person (nickname) values (gen_random_uuid()::text) returning id into v_person;
		insert into tracker.ahead (batch, first, last) values (v_batch, v_job, v_job);
		insert into tracker.frontier (batch, epoch, next, last, previous)
		values (v_batch, 0, v_job, v_job, v_job);
		for s in select q.stage from tracker.stage q order by q.stage loop
			v_token := gen_random_uuid();
			v_lease := array[gen_random_uuid(), gen_random_uuid()];
			with w as (
				insert into tracker.worker (token, stage, name, person, created, seen)
				values (v_token, s.stage, v_token::text, v_person, clock_timestamp(), clock_timestamp())
				returning id)
			insert into tracker.lease (stage, batch, job, id, worker, since, attempt, call)
			select s.stage, 0, v_job - g.n, v_lease[g.n], w.id, clock_timestamp(), 1, 0
			from w cross join generate_series(1, 2) as g(n);
			v_status := array(
				select r.status from tracker.complete_jobs(array[v_token], array[v_job - 1],
					v_lease[1:1], array[v_data], array[v_token], array[0::int8]) r
				union all
				select r.status from tracker.return_jobs(array[v_token], array[v_job - 2],
					v_lease[2:2], array['failed'], array[''], array[0::int8]) r);
			if v_status <> array['accepted', 'accepted'] then
				raise exception 'a result and a bad end of the tracker''s own are %', v_status;
			end if;
			insert into tracker.failed (stage, job, kind, reason, attempt, at)
			values (s.stage, v_job, 'failed', '', 1, clock_timestamp());
			insert into tracker.refused_output (stage, job, worker, person, attempt, lease, started,
				finished, refused, reason, data)
			select o.stage, o.job, o.worker, o.person, o.attempt, o.lease, o.started, o.finished,
				o.finished, '', '' from tracker.output o where o.stage = s.stage and o.job = v_job - 1;
		end loop;
		raise exception 'to be rolled back' using errcode = 'TR999';
	exception when sqlstate 'TR999' then
		null;
	end;
	return true;
end $$;
