-- Whose name looks like this one: somebody else's, which they have for themselves, or, with or_worked, under which
-- there are results or a worker that is here.
--
-- Caller	sign_up, own_rename, rename_person. of_person: who asks, null: somebody new; skeletons: of the name.
-- Answer	the name; null when there is none.
-- Errors	none.
-- Locks	none.
-- Index	look by skeleton; person by id; credit by person; person_merged; worker_person_present.
create or replace function tracker.like_another(of_person int8, skeletons uuid[], or_worked boolean)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select q.nickname
	from tracker.look l
	join tracker.person p on p.id = l.person
	join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where l.skeleton = any (skeletons) and q.id is distinct from of_person and (l.claimed or (or_worked
		and (q.done > 0 or exists (select from tracker.credit c where c.person = q.id and c.done > 0)
			or exists (select from tracker.worker w
				where w.person = any (array(select q.id union all
					select m.id from tracker.person m where m.merged_into = q.id))
					and w.gone_at is null))))
	order by l.claimed desc, q.done desc, q.id
	limit 1
$$;
