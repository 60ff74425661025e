-- Puts down what names look like.
--
-- Caller	run/keeper.c, with what list_unlooked said. folded, written: skeletons; mark: what made them.
-- Answer	how many people it was done for: not who has another name meanwhile, or is in use.
-- Errors	none.
-- Locks	person, those that nobody else has at this moment; then look.
-- Index	person by key, look_person.
create or replace function tracker.put_looks(people int8[], nicknames text[], folded uuid[],
	written uuid[], mark text)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
	v_people int8[];
begin
	v_people := array(
		select p.id from unnest(people, nicknames) as u(person, nickname)
		join tracker.person p on p.id = u.person and p.nickname = u.nickname
		for no key update of p skip locked);
	delete from tracker.look l where l.person = any (v_people);
	insert into tracker.look (skeleton, person, claimed)
	select distinct s.skeleton, p.id, p.claimed is not null or q.claimed is not null
	from unnest(people, folded, written) as u(person, folded, written)
	join tracker.person p on p.id = u.person
	join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	cross join lateral (values (u.folded), (u.written)) as s(skeleton)
	where p.id = any (v_people)
	order by 1, 2;
	update tracker.person p set looked = mark where p.id = any (v_people);
	return cardinality(v_people);
end $$;
