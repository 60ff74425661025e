-- Empties the project: jobs, results, leases, counts and credit. Stages, people and workers stay,
-- with their counts at zero and nothing in hand. Job numbers start at 1 again.
--
-- Caller	distcompute-load --reset, in the transaction that then loads.
-- Answer	nothing.
-- Errors	lock_not_available: somebody has read or written for all of patience_s; who, is said.
-- Locks	vacuum is sent away. Then the barrier
--		and everything, until commit: all at once or none. Nobody is waited for while a table
--		is held from readers, who take the same tables in any order: no deadlock.
-- Index	none.
drop function if exists tracker.reset_jobs();
create or replace function tracker.reset_jobs(patience_s int4 default 60)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_emptied constant text := 'tracker.lease, tracker.retry, tracker.ready, tracker.failed,
		tracker.output, tracker.job, tracker.refused_output, tracker.strike, tracker.tally,
		tracker.credit, tracker.history, tracker.batch_history, tracker.undo_item, tracker.purged, tracker.ahead,
		tracker.cancelled_count, tracker.trial, tracker.person_day, tracker.person_hour, tracker.board';
	v_kept constant text := 'tracker.stage, tracker.frontier, tracker.batch, tracker.batch_count, tracker.board_day, tracker.person,
		tracker.worker';	-- read on while we work
	v_until timestamptz := clock_timestamp() + make_interval(secs => patience_s);
	v_timeout text := current_setting('lock_timeout');
	v_quiet boolean := false;	-- vacuum is away
	v_all boolean := false;
	v_jobs int8;
begin
	perform set_config('lock_timeout', format('%ss', greatest(patience_s, 1)), true);
	while not v_all and clock_timestamp() <= v_until loop
		begin
			-- Waits for nobody but vacuum, and nobody but vacuum waits for it.
			if not v_quiet then
				execute format('lock table %s, %s in share update exclusive mode', v_emptied, v_kept);
			end if;
			v_quiet := true;
		exception when lock_not_available then
			exit;
		end;
		begin
			perform tracker.raise_barrier();
			execute format('lock table %s in access exclusive mode nowait', v_emptied);
			execute format('lock table %s in exclusive mode nowait', v_kept);
			v_all := true;
		exception when lock_not_available then
			perform pg_sleep(0.02);	-- what was got is given back
		end;
	end loop;
	perform set_config('lock_timeout', v_timeout, true);
	if not v_all then
		raise lock_not_available using message = format('the tables have been in use for %s s: %s',
			patience_s, coalesce(tracker.who_holds(), 'sessions that come and go'));
	end if;

	v_jobs := (select coalesce(sum(b.last - b.first + 1), 0) from tracker.batch b);
	-- No restart of identities: committers remember the last position of ready, and of which batch.
	execute format('truncate %s', v_emptied);
	update tracker.board_day set day = '-infinity';
	delete from tracker.frontier;
	delete from tracker.gate where batch > 0;
	update tracker.stage set line = '{}' where line <> '{}';
	delete from tracker.batch;
	delete from tracker.batch_count;
	update tracker.person set done = 0, withdrawn = 0, kept = 0
	where done <> 0 or withdrawn <> 0 or kept <> 0;
	update tracker.worker set done = 0, struck = 0, held_job = null, held_lease = null,
		last_kind = null,
		last_job = null, last_hash = null, asked_kind = 'none', recent = '', holds = 0, trial = null
	where done <> 0 or struck <> 0 or held_lease is not null or last_kind is not null
		or asked_kind <> 'none' or holds <> 0 or trial is not null;
	update tracker.audit set state = 'cut short', changed = clock_timestamp() where act in ('undo', 'take back') and state = 'begun';	-- of what is gone
	perform tracker.audit_act('reset', 'all jobs', v_jobs, null);
end $$;
