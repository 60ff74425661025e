-- Who works under a name that looks like this one and is now somebody's: they hear 401 when they next register.
--
-- Caller	distcompute-admin person key add.
-- Answer	their names, those with the most results first; 20 at most. Whoever has a key is not among them.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; look by person and by skeleton; worker by person.
create or replace function tracker.list_locked_out(of_person text)
returns table (nickname text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select o.nickname
	from (
		select distinct b.person
		from tracker.person p
		join tracker.look a on a.person = coalesce(p.merged_into, p.id)
		join tracker.look b on b.skeleton = a.skeleton and b.person <> a.person
		where p.nickname = of_person) x
	join tracker.person o on o.id = x.person
	where o.claimed is null and exists (
		select from tracker.worker w where w.person = o.id and w.gone_at is null)
	order by o.done - o.withdrawn desc, o.id
	limit 20
$$;
