-- A job that came back waits no longer: it is due at once.
--
-- Caller	distcompute-admin hurry.
-- Answer	false when the job does not wait in that stage, or is due already.
-- Errors	none.
-- Locks	the job's row in retry; stage, for its line.
-- Index	retry by key.
create or replace function tracker.hurry_job(of_stage int2, of_job int8)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_batch int4;
begin
	update tracker.retry r set due = clock_timestamp()
	where r.stage = of_stage and r.job = of_job and r.due > clock_timestamp()
	returning r.batch into v_batch;
	if not found then
		return false;
	end if;
	v_ok := tracker.join_line(array[of_stage], array[v_batch]);
	perform tracker.audit_act('hurry', format('job %s, stage %s', of_job, chr(96 + of_stage)), 1, null);
	return true;
end $$;
