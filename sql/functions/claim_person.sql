-- Makes a name somebody's, or gives who has it another key.
--
-- Caller	add_key. skeletons, of_mark: of the name, see open_workers; key: the hash of the new
--		key.
-- Answer	null; or, when nothing was done, the name that somebody has and this one looks like.
-- Errors	none.
-- Locks	person_key, all of it against other claims; person and look, the one.
-- Index	person and look by key, look_claimed.
create or replace function tracker.claim_person(of_person int8, skeletons uuid[], of_mark text,
	key uuid, key_label text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_other text;
begin
	lock table tracker.person_key in share row exclusive mode;
	if not exists (select from tracker.person p where p.id = of_person and p.claimed is not null) then
		select p.nickname into v_other
		from tracker.look l join tracker.person p on p.id = l.person
		where l.skeleton = any (skeletons) and l.claimed
			and coalesce(p.merged_into, p.id) <> of_person
		limit 1;
		if found then
			return v_other;
		end if;
	end if;
	update tracker.person p set claimed = coalesce(p.claimed, clock_timestamp()), looked = of_mark
	where p.id = of_person;
	delete from tracker.look l where l.person = of_person;
	insert into tracker.look (skeleton, person, claimed)
	select distinct s.skeleton, of_person, true from unnest(skeletons) as s(skeleton);
	update tracker.look l set claimed = true
	where l.person = any (array(select p.id from tracker.person p where p.merged_into = of_person));
	insert into tracker.person_key (person, label, hash) values (of_person, key_label, key);
	return null;
end $$;
