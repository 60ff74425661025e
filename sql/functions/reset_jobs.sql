-- Empties the project: jobs, results, leases, counts and credit. Stages, people and workers stay,
-- with their counts at zero and nothing in hand. Job numbers start at 1 again.
--
-- Caller	distcompute-load --reset, in the transaction that then loads.
-- Answer	nothing.
-- Errors	none.
-- Locks	the advisory lock that whoever hands out or takes in shares; then everything, until
--		commit.
-- Index	none.
create or replace function tracker.reset_jobs()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	perform pg_advisory_xact_lock(x'64637374'::int);
	-- No restart of identities: committers remember the last position of ready.
	truncate tracker.lease, tracker.retry, tracker.ready, tracker.failed, tracker.output,
		tracker.job, tracker.refused_output, tracker.strike, tracker.tally, tracker.credit,
		tracker.history, tracker.person_day, tracker.person_hour, tracker.board;
	update tracker.board_day set day = '-infinity';
	update tracker.frontier set next = 1, last = 0, previous = 1;
	update tracker.person set done = 0, withdrawn = 0 where done <> 0 or withdrawn <> 0;
	update tracker.worker set done = 0, struck = 0, held_job = null, held_lease = null,
		last_kind = null,
		last_job = null, last_hash = null, asked_kind = 'none', recent = ''
	where done <> 0 or struck <> 0 or held_lease is not null or last_kind is not null
		or asked_kind <> 'none';
end $$;
