-- Takes batches out of the lines of stages in which they have had no work for now, so that claims need not
-- walk past them; and puts those in whose work in retry is due soon, or of which stage A has not come to the end.
--
-- A stage in which no job is hurried any more is dealt as before, a minute after the last one was.
--
-- A few that stand at the end of a line, or alone in it, cost nothing, and stay.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many were taken out.
-- Errors	none: when the barrier cannot be had at once, the next round tries again.
-- Locks	the barrier, for some ms, only when there is something to take out; stage, for its line; frontier.
-- Index	stage, ready, ahead and frontier by key; retry by (stage, due) and (stage, batch, due).
-- Source	whoever puts work where none was looks whether the batch is in line, and must not be overtaken
--		by who takes it out: hence the barrier.
create or replace function tracker.tidy_line()
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_soon constant interval := '1 minute';	-- many rounds
	c_few constant int4 := 8;
	v_ok boolean := tracker.pass_barrier();
	v_stage int2[]; v_batch int4[];
	v_count int4;
begin
	update tracker.stage s set hurried = null
	where s.hurried < clock_timestamp() - c_soon and not exists (
		select from tracker.retry r join tracker.batch b on b.batch = r.batch and not b.cancelled
		where r.stage = s.stage and r.due = '-infinity');
	with recursive w as (	-- which batches are in retry of a stage
		select s.stage, (select min(q.batch) from tracker.retry q where q.stage = s.stage) as batch
		from tracker.stage s
		union all
		select w.stage, (select min(q.batch) from tracker.retry q
			where q.stage = w.stage and q.batch > w.batch)
		from w where w.batch is not null)
	select array_agg(x.stage), array_agg(x.batch) into v_stage, v_batch
	from (
		select w.stage, w.batch from w
		where exists (
			select from tracker.retry q where q.stage = w.stage and q.batch = w.batch
				and q.due < clock_timestamp() + c_soon)
		union select 1::int2, a.batch from tracker.ahead a
		union select 1::int2, f.batch from tracker.frontier f where f.next <= f.last) x
	where not exists (select from tracker.stage s where s.stage = x.stage and x.batch = any (s.line));
	if v_stage is not null then
		v_ok := tracker.join_line(v_stage, v_batch);
	end if;

	select array_agg(x.stage), array_agg(x.batch) into v_stage, v_batch
	from (
		select y.*, row_number() over (partition by y.stage, y.has order by y.place) as nth,
			max(y.place) filter (where y.has) over (partition by y.stage) as last_that_has
		from (
			select s.stage, u.batch, u.place,
				tracker.has_work(s.stage, u.batch, clock_timestamp() + c_soon) as has
			from tracker.stage s
			cross join lateral unnest(s.line) with ordinality as u(batch, place)) y) x
	where not x.has and (x.place < x.last_that_has or x.nth > c_few);
	if v_stage is null then
		return 0;
	end if;
	if not tracker.try_barrier() then
		return 0;
	end if;
	with d as (
		select u.stage, u.batch from unnest(v_stage, v_batch) as u(stage, batch)
		where not tracker.has_work(u.stage, u.batch, clock_timestamp() + c_soon)),
	s as (
		update tracker.stage s
		set line = array(
			select u.batch from unnest(s.line) with ordinality as u(batch, place)
			where not exists (select from d where d.stage = s.stage and d.batch = u.batch)
			order by u.place)
		where s.stage in (select d.stage from d))
	select count(*) into v_count from d;
	delete from tracker.frontier f
	where f.batch = any (v_batch) and f.next > f.last
		and not exists (select from tracker.ahead a where a.batch = f.batch)
		and f.epoch >= (select max(m.epoch) from tracker.frontier m where m.batch = f.batch);
	return v_count;
end $$;
