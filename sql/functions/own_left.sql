-- Somebody's own machines that are here no more, the latest first, and how each left.
--
-- Caller	web/page_own.c.
-- Answer	at most max_rows rows. why: bye, idle, dropped, banned; done: what stands.
-- Errors	none.
-- Locks	none.
-- Index	worker_person_left.
create or replace function tracker.own_left(of_person int8, max_rows int4)
returns table (stage int2, id int8, name text, label text, gone_at timestamptz, why text, done int8, struck int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select w.stage, w.id, w.name, w.label, w.gone_at, w.gone_why, w.done - tracker.count_sent_back(w.id), w.struck
	from tracker.ids_of(of_person) as i(id)
	cross join lateral (
		select v.* from tracker.worker v
		where v.person = i.id and v.gone_at is not null
		order by v.gone_at desc, v.id desc
		limit max_rows) w
	order by w.gone_at desc, w.id desc
	limit max_rows
$$;
