-- Counts how many different workers, people and networks are about in each stage: whoever made one of
-- its last 500 results within an hour, or has a lease of it. Counts stop at five, which is all that
-- anybody asks.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many stages have changed.
-- Errors	none.
-- Locks	rows of stage that change.
-- Index	output_finished, from its end; lease by key; worker by id.
-- Source	see read_latest.
create or replace function tracker.count_crowd()
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_sort = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_results constant int4 := 500;
	c_most constant int4 := 5;
	v_now timestamptz := clock_timestamp();
	v_changed int4 := 0;
	v_workers int8[];
	s record;
	c record;
begin
	for s in select q.stage, q.workers, q.people, q.networks from tracker.stage q order by q.stage loop
		v_workers := array(
			select o.worker from tracker.output o
			where o.stage = s.stage and o.finished > v_now - interval '1 hour'
			order by o.finished desc limit c_results);
		select least(count(distinct w.id), c_most)::int2 as workers,
			least(count(distinct w.person), c_most)::int2 as people,
			least(count(distinct coalesce(w.network, 0)), c_most)::int2 as networks
		into c
		from (
			select u.worker from unnest(v_workers) as u(worker)
			union
			select l.worker from (
				select q.worker from tracker.lease q where q.stage = s.stage limit c_results) l) a
		join tracker.worker w on w.id = a.worker;
		continue when (c.workers, c.people, c.networks) = (s.workers, s.people, s.networks);
		update tracker.stage q
		set workers = c.workers, people = c.people, networks = c.networks
		where q.stage = s.stage;
		v_changed := v_changed + 1;
	end loop;
	return v_changed;
end $$;
