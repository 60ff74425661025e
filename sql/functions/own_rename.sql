-- Gives somebody another nickname, who asks for it on their own page: one that they could take on /join, or one that
-- they had before.
--
-- Caller	web/api_own.c. nickname, before, skeletons, of_mark: see sign_up; address: as nginx saw it, null: not known.
-- Answer	one row. status: out: the session is none; no_name; many: they have as many names as one may have; banned
--		(words: what they hear); taken: somebody has it; alike: it looks like `name`; done. name: otherwise the
--		name.
-- Errors	none.
-- Locks	see rename_person.
-- Index	see find_session, rename_person, like_another; person_merged.
create or replace function tracker.own_rename(session uuid, nickname text, before text, skeletons uuid[],
	of_mark text, address inet)
returns table (status text, name text, words text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	c_names constant int4 := 20;
	v_person int8;
	v_new text := own_rename.nickname;
	v_is_theirs boolean;
begin
	lock table tracker.ban in share row exclusive mode;
	lock table tracker.person_key in share row exclusive mode;
	v_person := tracker.enter_session(own_rename.session);
	if v_person is null then
		status := 'out';
		return next;
		return;
	end if;
	if tracker.find_person(own_rename.before) = v_person then
		v_new := own_rename.before;
	end if;
	v_is_theirs := coalesce(tracker.find_person(v_new) = v_person, false);
	words := coalesce(tracker.banned_words(tracker.called(v_person), own_rename.address, null),
		tracker.banned_words(v_new, null, null));
	status := case
		when v_new is null then 'no_name'
		when words is not null then 'banned'
		when v_is_theirs then null
		when exists (select from tracker.person p where p.nickname = v_new) then 'taken'
		when (select count(*) from tracker.person p where p.merged_into = v_person) >= c_names then 'many' end;
	if status is null then
		name := tracker.like_another(v_person, skeletons, true);
		status := case when name is not null then 'alike' end;
	end if;
	if status is null and v_new = tracker.called(v_person) then
		status := 'done';
	elsif status is null then
		perform tracker.rename_person(tracker.called(v_person), v_new, skeletons, of_mark);
		status := 'done';
	end if;
	name := coalesce(name, v_new);
	return next;
end $$;
