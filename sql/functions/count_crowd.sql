-- Counts how many different workers, people and networks are about in each stage: whoever made one of
-- its last 500 results within an hour, or has a lease of it. Counts stop at five, which is all that
-- anybody asks.
--
-- After an undo of a tenth of 10^7 results new ones are put where those were, all over the table, and block ranges say no more where the
-- last ones are: a look took five seconds. So one that took longer than a second is followed by a rest fifty times as long.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many stages have changed; 0 in such a rest.
-- Errors	none.
-- Locks	rows of stage that change.
-- Index	output_finished (block ranges), looked back in from now, two seconds first, then four times
--		as far each time; lease by key; worker by id.
create or replace function tracker.count_crowd()
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_results constant int4 := 500;
	c_most constant int4 := 5;
	v_now timestamptz := clock_timestamp();
	v_changed int4 := 0;
	v_after text := current_setting('tracker.crowd_after', true);
	v_back interval;
	v_workers int8[];
	s record;
	c record;
begin
	if v_after <> '' and v_now < v_after::timestamptz and v_after::timestamptz < v_now + interval '10 minutes' then
		return 0;
	end if;
	for s in select q.stage, q.workers, q.people, q.networks from tracker.stage q order by q.stage loop
		v_back := interval '2 seconds';
		loop
			v_workers := array(
				select o.worker from tracker.output o
				where o.stage = s.stage and o.finished > v_now - v_back
				limit c_results);
			exit when cardinality(v_workers) = c_results or v_back = interval '1 hour';
			v_back := least(v_back * 4, interval '1 hour');
		end loop;
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
	if clock_timestamp() > v_now + interval '1 second' and exists (
			select from pg_partition_tree('tracker.output') t where pg_relation_size(t.relid) > 100000000) then
		perform set_config('tracker.crowd_after', (clock_timestamp()
			+ least(interval '5 minutes', (clock_timestamp() - v_now) * 50))::text, false);
	end if;
	return v_changed;
end $$;
