-- Workers that are here, by first seen. Conditions that are null are none.
--
-- Caller	distcompute-admin workers. Page on with the last id as after.
-- Answer	at most max_rows workers. jobs: how many they have in hand, 1000 at most; done: what
--		stands.
-- Errors	none.
-- Locks	none.
-- Index	worker by key, lease_worker.
create or replace function tracker.list_workers(of_person text, of_stage int2, of_label text,
	of_address cidr, after int8, max_rows int4)
returns table (id int8, stage int2, name text, person text, label text, address text,
	created timestamptz, seen timestamptz, jobs int8, done int8, bad int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select w.id, w.stage, w.name, tracker.called(w.person), w.label, host(w.address), w.created, w.seen,
		(select count(*) from (
			select from tracker.lease l where l.worker = w.id limit 1000) x),
		w.done - tracker.count_sent_back(w.id), w.struck
	from tracker.worker w
	where w.id > after and w.gone_at is null
		and (of_person is null or w.person = any (array(select tracker.ids_of_person(of_person))))
		and (of_stage is null or w.stage = of_stage)
		and (of_label is null or lower(w.label) = lower(of_label))
		and (of_address is null or w.address <<= of_address)
	order by w.id
	limit max_rows
$$;
