-- Late results: takes jobs out of retry, or out of failed after a time-out, for results of the lease
-- that last had them. Nobody else has had the job since, or the row would name another lease. A
-- worker that is gone for silence is heard all the same.
--
-- Caller	complete_jobs. An element an item; i_tid: of the lease, for those that are in time.
-- Answer	when that lease was given and which attempt it was, for items that are late and accepted;
--		i_from: retry or failed; late: how many.
-- Errors	none.
-- Locks	retry and failed, in order of (stage, job).
-- Index	retry and failed by key; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_late(i_worker int8[], i_stage int2[], i_job int8[],
	i_lease uuid[], i_gone text[], i_v1 boolean[], i_arrived timestamptz[], i_tid tid[],
	inout i_since timestamptz[], inout i_attempt int4[], out i_from text[], out late int4)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_since timestamptz;
	v_attempt int4;
	a record;
begin
	i_from := array_fill(null::text, array[cardinality(i_worker)]);
	late := 0;
	for a in
		select min(i.n)::int4 as n, i.stage, i.job, i.lease
		from unnest(i_worker, i_stage, i_job, i_lease, i_gone, i_tid, i_v1, i_arrived)
			with ordinality as i(worker, stage, job, lease, gone, tid, v1, arrived, n)
		where i.tid is null and i.worker is not null and i.job is not null
			and i.lease is not null and coalesce(i.gone, 'idle') = 'idle'
			and (exists (
				select from tracker.retry r
				where r.stage = i.stage and r.job = i.job and r.lease = i.lease
					and r.worker = i.worker and (not i.v1 or i.arrived >= r.since
						or r.since > clock_timestamp()))
			or exists (
				select from tracker.failed f
				where f.stage = i.stage and f.job = i.job and f.lease = i.lease
					and f.worker = i.worker and f.kind = 'timed_out'
					and (not i.v1 or i.arrived >= f.since
						or f.since > clock_timestamp())))
		group by i.stage, i.job, i.lease
		order by i.stage, i.job
	loop
		delete from tracker.retry r
		where r.stage = a.stage and r.job = a.job and r.lease = a.lease
		returning r.since, r.attempt - (exists (
			select from tracker.strike s
			where s.stage = r.stage and s.job = r.job and s.lease = r.lease
				and s.kind <> 'released'))::int4
		into v_since, v_attempt;
		if found then
			i_from[a.n] := 'retry';
		else
			delete from tracker.failed f
			where f.stage = a.stage and f.job = a.job and f.lease = a.lease
				and f.kind = 'timed_out'
			returning f.since, f.attempt into v_since, v_attempt;
			continue when not found;
			i_from[a.n] := 'failed';
		end if;
		i_since[a.n] := v_since;
		i_attempt[a.n] := v_attempt;
		late := late + 1;
	end loop;
end $$;
