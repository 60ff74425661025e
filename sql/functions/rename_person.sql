-- Gives a person another nickname. The old one stays theirs: scripts that still say it count for them.
--
-- Caller	distcompute-admin person rename.
-- Answer	the line's number in audit.
-- Errors	TR002: no such person, no such name, or it is another one's.
-- Locks	registrations (see open_workers); the person.
-- Index	person by nickname and id.
create or replace function tracker.rename_person(of_person text, nickname text)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_new constant text := rename_person.nickname;
	v_old text;
	p tracker.person;
	q tracker.person;
begin
	if v_new is null or char_length(v_new) not between 1 and 128 or v_new ~ '[[:cntrl:]]'
		or v_new like 'erased-%' then
		raise exception 'that is no nickname' using errcode = 'TR002';
	end if;
	lock table tracker.ban in share row exclusive mode;
	select x.* into p from tracker.person x where x.id = tracker.find_person(of_person) for no key update;
	if not found or p.erased then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	select x.* into q from tracker.person x where x.nickname = v_new;
	if found and q.merged_into is distinct from p.id then
		raise exception '''%'' is somebody''s name already', v_new using errcode = 'TR002';
	end if;
	v_old := p.nickname;
	if q.id is not null then	-- a name that they had before: the two change places
		update tracker.person x set nickname = 'erased-' || gen_random_uuid() where x.id = q.id;
	end if;
	update tracker.person x set nickname = v_new where x.id = p.id;
	if q.id is not null then
		update tracker.person x set nickname = v_old where x.id = q.id;
	else
		insert into tracker.person (nickname, created, merged_into) values (v_old, p.created, p.id);
	end if;
	return tracker.audit_act('rename person', v_old, 1, jsonb_build_object('to', v_new));
end $$;
