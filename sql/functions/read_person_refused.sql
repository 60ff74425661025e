-- Results of a person that were sent back, newest first.
--
-- Caller	pages.
-- Answer	a row a result, at most max_rows.
-- Errors	none.
-- Locks	none.
-- Index	refused_output_person.
create or replace function tracker.read_person_refused(of_person int8, max_rows int4)
returns table (stage int2, job int8, worker text, refused timestamptz, reason text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select r.stage, r.job, tracker.public_name(w.name, w.person), r.refused, left(r.reason, 500)
	from (
		select y.* from tracker.ids_of(of_person) as i(id)
		cross join lateral (
			select x.* from tracker.refused_output x
			where x.person = i.id
			order by x.refused desc
			limit max_rows) y
		order by y.refused desc
		limit max_rows
	) r
	left join tracker.worker w on w.id = r.worker
	order by r.refused desc
$$;
