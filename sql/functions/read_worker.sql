-- One worker, as its page shows it.
--
-- Caller	pages.
-- Answer	one row, none when there is no such worker, or its owner shows their machines to nobody; gone ones are found too. A rate is results an
--		hour since the worker came; the peers' is the median of those that are present in its stage
--		(of the 250 that came before it, itself and the 250 that came after), for an hour or since at
--		least three minutes; null when nobody can be measured. rests_s: for how many seconds more it
--		rests, bad_row: how many ends in a row brought that about. done: what stands; sent_back: what does not
--		(see count_sent_back).
-- Errors	none.
-- Locks	none.
-- Index	unique (stage, name); see called and public_name; worker_stage_present for the peers; see count_sent_back.
drop function if exists tracker.read_worker(int2, text);
create or replace function tracker.read_worker(of_stage int2, of_name text)
returns table (id int8, name text, person text, created timestamptz, seen timestamptz,
	gone_at timestamptz, gone_why text, done int8, struck int8, asked_kind text, held int8,
	hours float8, peers_rate float8, peers int8, rests_s int4, bad_row int4, sent_back int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select w.id, w.name, tracker.called(w.person), w.created, w.seen, w.gone_at, w.gone_why, w.done - b.sent_back, w.struck,
		w.asked_kind, l.held, h.hours, m.rate, m.peers,
		tracker.left_to_rest(w.rest_until, clock_timestamp()), w.bad_row + w.soft_row, b.sent_back
	from tracker.worker w
	cross join lateral (select tracker.count_sent_back(w.id) as sent_back) b
	cross join lateral (
		select count(*) as held from (
			select from tracker.lease x where x.worker = w.id limit 1000
		) y
	) l
	cross join lateral (
		select extract(epoch from greatest(w.seen, w.created)
			- w.created)::float8 / 3600 as hours
	) h
	cross join lateral (
		select count(*) as peers,
			percentile_cont(0.5) within group (
				order by (v.done - tracker.count_sent_back(v.id))
					/ (extract(epoch from v.seen - v.created)::float8 / 3600)) as rate
		from (
			(select b.* from tracker.worker b
			where b.stage = w.stage and b.gone_at is null and (b.created, b.id) <= (w.created, w.id)
			order by b.created desc, b.id desc
			limit 251)
			union all
			(select b.* from tracker.worker b
			where b.stage = w.stage and b.gone_at is null and (b.created, b.id) > (w.created, w.id)
			order by b.created, b.id
			limit 250)
		) v
		where v.seen > v.created + interval '3 minutes'
	) m
	where w.stage = of_stage and w.name = of_name and tracker.public_name(w.name, w.person) is not null
$$;
