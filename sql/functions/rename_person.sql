-- Gives a person another nickname. The old one stays theirs: scripts that still say it count for them. Both are
-- guarded at once, if the old one was.
--
-- Caller	distcompute-admin person rename; own_rename. skeletons, of_mark: of the new name, see open_workers; null:
--		the keeper makes them, and whom it looks like is not asked.
-- Answer	the line's number in audit; null: it is their name already.
-- Errors	TR002: no such person, no such name, or it is another one's, or looks like one that somebody has.
-- Locks	registrations (see open_workers); person_key, against claims; the person; look, the two.
-- Index	person by nickname and id; look_person; see like_another.
drop function if exists tracker.rename_person(text, text);
create or replace function tracker.rename_person(of_person text, nickname text, skeletons uuid[] default null,
	of_mark text default null)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_new constant text := rename_person.nickname;
	v_old text;
	v_other text;
	v_looks uuid[];		-- of the old one
	p tracker.person;
	q tracker.person;
begin
	if v_new is null or char_length(v_new) not between 1 and 128 or v_new ~ '[[:cntrl:]]'
		or v_new like 'erased-%' then
		raise exception 'that is no nickname' using errcode = 'TR002';
	end if;
	lock table tracker.ban in share row exclusive mode;
	lock table tracker.person_key in share row exclusive mode;
	select x.* into p from tracker.person x where x.id = tracker.find_person(of_person) for no key update;
	if not found or p.erased then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	if p.nickname = v_new then
		return null;
	end if;
	select x.* into q from tracker.person x where x.nickname = v_new;
	if found and q.merged_into is distinct from p.id then
		raise exception '''%'' is somebody''s name already', v_new using errcode = 'TR002';
	end if;
	v_other := tracker.like_another(p.id, skeletons, false);
	if v_other is not null then
		raise exception '''%'' looks like ''%'', which is somebody''s', v_new, v_other using errcode = 'TR002';
	end if;
	v_old := p.nickname;
	v_looks := array(select l.skeleton from tracker.look l where l.person = p.id);
	if q.id is not null then	-- a name that they had before: the two change places
		update tracker.person x set nickname = 'erased-' || gen_random_uuid() where x.id = q.id;
	end if;
	update tracker.person x set nickname = v_new where x.id = p.id;
	if q.id is not null then
		update tracker.person x set nickname = v_old where x.id = q.id;
	else
		insert into tracker.person (nickname, created, merged_into) values (v_old, p.created, p.id)
		returning * into q;
	end if;
	update tracker.person x set looked = case when x.id = q.id then p.looked else of_mark end
	where x.id = any (array[p.id, q.id]);
	insert into tracker.look (skeleton, person, claimed)
	select s.skeleton, q.id, p.claimed is not null or q.claimed is not null from unnest(v_looks) as s(skeleton)
	union
	select s.skeleton, p.id, p.claimed is not null from unnest(skeletons) as s(skeleton);
	return tracker.audit_act('rename person', v_old, 1, jsonb_build_object('to', v_new));
end $$;
