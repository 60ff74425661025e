-- The latest completions, newest first.
--
-- Looks back from the last minute in which anything was done: two seconds first, then four times as
-- far each time, so that it never sorts many more rows than it must, under load or long after the end.
--
-- Caller	pages.
-- Answer	a row a result, at most max_rows, none older than a month.
-- Errors	none.
-- Locks	none.
-- Index	output_finished (block ranges); never a scan from the beginning, which `limit` makes tempting; see public_name.
create or replace function tracker.read_latest(max_rows int4)
returns table (stage int2, job int8, worker text, person text, started timestamptz,
	finished timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
	moment timestamptz;
	back   interval := interval '2 seconds';
	seen   int8;
begin
	select least(max(s.last_at) + interval '1 minute', clock_timestamp()) into moment
	from tracker.read_ends() s;
	if moment is null then
		return;
	end if;
	loop
		select count(*) into seen from (
			select from tracker.output o where o.finished > moment - back limit max_rows
		) x;
		exit when seen >= max_rows or back > interval '30 days';
		back := back * 4;
	end loop;
	return query
	select o.stage, o.job, tracker.public_name(w.name, w.person), tracker.called(o.person), o.started, o.finished
	from (
		select r.stage, r.job, r.worker, r.person, r.started, r.finished
		from tracker.output r where r.finished > moment - back
		order by r.finished desc, r.stage desc, r.job desc
		limit max_rows
	) o
	left join tracker.worker w on w.id = o.worker
	order by o.finished desc, o.stage desc, o.job desc;
end
$$;
