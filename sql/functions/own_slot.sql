-- The slot that this backend adds its deltas to, now: one of sixteen by its pid, another one every
-- four seconds. Only the sum over all slots means anything.
--
-- Caller	whoever writes tally or credit.
-- Answer	0 to 239.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	backends must not wait for each other, hence the pid; while somebody holds a snapshot no
--		version of a row can be forgotten, and each update walks past all of them, hence the
--		four seconds. Small enough to be inlined by the planner.
create or replace function tracker.own_slot()
returns int2
language sql
stable
as $$
	select (pg_backend_pid() % 16
		+ 16 * floor(date_part('second', statement_timestamp()) / 4))::int2
$$;
