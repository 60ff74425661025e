-- What an erasure would do, before it is asked for.
--
-- Caller	distcompute-admin person erase --dry-run, merge --dry-run.
-- Answer	one row; none when there is no such person. workers: that they ever had; present: of these;
--		results: that stay; names: by which they go or went.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; person_merged; worker_person; credit by person.
create or replace function tracker.weigh_person(of_person text)
returns table (nickname text, names int8, workers int8, present int8, in_hand int8, results int8)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select p.nickname,
		(select count(*) + 1 from tracker.person q where q.merged_into = p.id),
		w.workers, w.present, w.in_hand,
		p.done - p.withdrawn + (select coalesce(sum(c.done - c.withdrawn), 0)::int8
			from tracker.credit c where c.person = p.id)
	from tracker.person p
	cross join lateral (
		select count(*) as workers, count(*) filter (where x.gone_at is null) as present,
			coalesce(sum((select count(*) from tracker.lease l where l.worker = x.id)), 0)::int8
				as in_hand
		from tracker.worker x where x.person = any (array(select tracker.ids_of_person(of_person)))) w
	where p.id = tracker.find_person(of_person) and not p.erased
$$;
