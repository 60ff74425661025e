-- All of the barrier, when it can be had at once: nobody is to wait longer for who wants it than for a slow
-- bundle.
--
-- Caller	tidy_line, await_barrier.
-- Answer	whether we have it, until the end of the transaction.
-- Errors	none.
-- Locks	see raise_barrier.
-- Index	none.
-- Source	while somebody waits for all of it nobody gets a share, hence the short patience. Runs under
--		its caller's settings.
create or replace function tracker.try_barrier()
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	c_patience constant text := '20ms';
	c_before constant text := current_setting('lock_timeout');
	v_ok boolean;
begin
	perform set_config('lock_timeout', c_patience, true);
	v_ok := tracker.raise_barrier();
	perform set_config('lock_timeout', c_before, true);
	return true;
exception when lock_not_available then
	return false;	-- the setting went back with it
end $$;
