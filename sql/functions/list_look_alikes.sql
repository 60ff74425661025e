-- Names that look the same, those of a kind together.
--
-- Caller	distcompute-admin look-alikes.
-- Answer	a row a name; kind numbers those that look the same (a name may be in two). done: results that
--		stand. 1000 kinds at most, those with a name that is somebody's first.
-- Errors	none.
-- Locks	none.
-- Index	look by key.
create or replace function tracker.list_look_alikes()
returns table (kind int8, nickname text, claimed boolean, done int8, created timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	with k as (
		select l.skeleton, row_number() over (order by bool_or(l.claimed) desc, min(l.person)) as kind
		from tracker.look l
		group by l.skeleton
		having count(*) > 1
		order by 2 limit 1000)
	select k.kind, p.nickname, p.claimed is not null, p.done - p.withdrawn, p.created
	from k
	join tracker.look l on l.skeleton = k.skeleton
	join tracker.person p on p.id = l.person
	order by k.kind, p.claimed nulls last, p.id
$$;
