-- Under which name somebody works who gives this one, and perhaps a key.
--
-- Caller	open_workers, when names are anybody's at all. skeletons: of the name (see domain/nickname.h).
-- Answer	the name, when it is nobody's, or the key is its own; the name that the key is of, when the
--		given one only looks like it (names that they had before are theirs as well); null when a key is missing, or must_key and there is none.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; person_key by hash; look_claimed.
create or replace function tracker.name_of(of_nickname text, skeletons uuid[], of_key uuid,
	must_key boolean)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
	v_holder int8;
	v_owner int8;
	v_claimed boolean;
begin
	select coalesce(p.merged_into, p.id) into v_holder
	from tracker.person_key k join tracker.person p on p.id = k.person
	where k.hash = of_key and k.revoked is null;
	select q.id, p.claimed is not null or q.claimed is not null into v_owner, v_claimed
	from tracker.person p join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where p.nickname = of_nickname;
	if v_claimed then
		return case when v_owner = v_holder then of_nickname end;
	end if;
	if exists (select from tracker.look l where l.skeleton = any (skeletons) and l.claimed) then
		return (select p.nickname
			from tracker.look l join tracker.person p on p.id = l.person
			where l.skeleton = any (skeletons) and l.claimed
				and coalesce(p.merged_into, p.id) = v_holder
			limit 1);
	end if;
	return case when not must_key then of_nickname end;
end $$;
