-- A person's jobs by stage.
--
-- Caller	pages.
-- Answer	a row for each stage they did anything in.
-- Errors	none.
-- Locks	none.
-- Index	pks of person_day and credit; see ids_of.
create or replace function tracker.read_person_stages(of_person int8)
returns table (stage int2, done int8, withdrawn int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select x.stage, sum(x.done)::int8, sum(x.withdrawn)::int8
	from (
		select d.stage, d.done, d.withdrawn from tracker.person_day d
		where d.person = any (array(select tracker.ids_of(of_person)))
		union all
		select c.stage, c.done, c.withdrawn from tracker.credit c
		where c.person = any (array(select tracker.ids_of(of_person)))
	) x
	group by x.stage
	order by x.stage
$$;
