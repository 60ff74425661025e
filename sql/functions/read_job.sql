-- A job's life, stage by stage.
--
-- A job is in exactly one place of each stage that it has reached; where none of them holds it, it
-- is in line (ready, or not handed out yet), which is never looked up.
--
-- Caller	pages.
-- Answer	a row an enabled stage, none when there is no such job. state: done, leased, retry, failed,
--		waiting (in line), later (the stage before has not made its input), cancelled (one of the last
--		three or retry, of a batch that is cancelled: nobody gets it). Sizes in bytes; input and
--		output hold at most data_chars characters and are null when that is 0.
-- Errors	none.
-- Locks	none.
-- Index	primary keys; batch by first.
-- Source	lateral probes that the planner cannot turn into joins: stage is too short to be analyzed, and
--		taken for 850 rows it would have people, failed jobs and results read from end to end.
create or replace function tracker.read_job(of_job int8, data_chars int4)
returns table (stage int2, state text, worker text, person text, attempt int4,
	started timestamptz, finished timestamptz, due timestamptz, kind text, reason text,
	input_size int8, output_size int8, input text, output text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
	select s.stage,
		case
			when o.job is not null then 'done'
			when l.job is not null then 'leased'
			when f.job is not null then 'failed'
			when b.cancelled then 'cancelled'
			when r.job is not null then 'retry'
			when s.stage = 1 or i.job is not null then 'waiting'
			else 'later'
		end,
		w.name, tracker.called(coalesce(o.person, w.person)), coalesce(o.attempt, l.attempt, r.attempt, f.attempt),
		coalesce(o.started, l.since), coalesce(o.finished, f.at),
		case when b.cancelled then null when r.due = '-infinity' then statement_timestamp() else r.due end, f.kind,
		left(f.reason, 500),
		case when s.stage = 1 then octet_length(j.data) else octet_length(i.data) end::int8,
		octet_length(o.data)::int8,
		case when data_chars > 0 then
			left(case when s.stage = 1 then j.data else i.data end, data_chars) end,
		case when data_chars > 0 then left(o.data, data_chars) end
	from tracker.job j
	cross join tracker.stage s
	left join lateral (select q.cancelled from tracker.batch q
		where q.first <= j.number order by q.first desc limit 1) b on true
	left join lateral (select q.* from tracker.output q
		where q.stage = s.stage and q.job = j.number offset 0) o on true
	left join lateral (select q.* from tracker.output q
		where q.stage = s.stage - 1 and q.job = j.number offset 0) i on true
	left join lateral (select q.* from tracker.lease q
		where q.stage = s.stage and q.job = j.number offset 0) l on true
	left join lateral (select q.* from tracker.retry q
		where q.stage = s.stage and q.job = j.number offset 0) r on true
	left join lateral (select q.* from tracker.failed q
		where q.stage = s.stage and q.job = j.number offset 0) f on true
	left join lateral (select q.* from tracker.worker q
		where q.id = coalesce(o.worker, l.worker, r.worker, f.worker) offset 0) w on true
	where j.number = of_job
	order by s.stage
$$;
