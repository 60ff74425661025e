-- Somebody's own machines that are here, by first seen, and why each rests.
--
-- Caller	web/page_own.c.
-- Answer	at most max_rows + 1 rows (one more tells that there are more) after (after_created, after_id). slots: as
--		it said, or 8; rests_s: seconds; bad_row: ends in a row that brought nothing; done: what
--		stands.
-- Errors	none.
-- Locks	none.
-- Index	worker_person_present.
create or replace function tracker.own_machines(of_person int8, after_created timestamptz, after_id int8,
	max_rows int4)
returns table (stage int2, id int8, name text, label text, created timestamptz, seen timestamptz, slots int4,
	holds int4, done int8, struck int8, rests_s int4, bad_row int4)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select w.stage, w.id, w.name, w.label, w.created, w.seen, w.slots, w.holds, w.done - tracker.count_sent_back(w.id),
		w.struck,
		tracker.left_to_rest(w.rest_until, clock_timestamp()), w.bad_row + w.soft_row
	from tracker.ids_of(of_person) as i(id)
	cross join lateral (
		select v.* from tracker.worker v
		where v.person = i.id and v.gone_at is null
			and (after_created is null or (v.created, v.id) > (after_created, after_id))
		order by v.created, v.id
		limit max_rows + 1) w
	order by w.created, w.id
	limit max_rows + 1
$$;
