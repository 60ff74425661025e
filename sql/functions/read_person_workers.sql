-- A person's machines that are here, by first seen; none when they show them to nobody.
--
-- Caller	pages.
-- Answer	done: what stands of it. At most max_rows + 1 rows (one more tells that there are more) after
--		(after_created, after_id).
-- Errors	none.
-- Locks	none.
-- Index	worker_person_present, lease_worker.
create or replace function tracker.read_person_workers(of_person int8, after_created timestamptz,
	after_id int8, max_rows int4)
returns table (stage int2, id int8, name text, created timestamptz, seen timestamptz, done int8,
	struck int8, job int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select w.stage, w.id, w.name, w.created, w.seen, w.done - tracker.count_sent_back(w.id), w.struck, l.job
	from (
		select x.* from tracker.ids_of(of_person) as i(id)
		cross join lateral (
			select v.* from tracker.worker v
			where v.person = i.id and v.gone_at is null
				and not exists (
					select from tracker.person h where h.id = of_person and h.machines_hidden)
				and (after_created is null or (v.created, v.id) > (after_created, after_id))
			order by v.created, v.id
			limit max_rows + 1) x
		order by x.created, x.id
		limit max_rows + 1
	) w
	left join lateral (
		select x.job from tracker.lease x where x.worker = w.id order by x.since, x.job limit 1
	) l on true
	order by w.created, w.id
$$;
