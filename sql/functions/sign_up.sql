-- Makes a name somebody's who asks for it on /join, with its first key.
--
-- A name under which somebody works or has worked is given to who shows the token of a worker of it that is
-- here, unless it is not known that all of it is one's own (is_of_one_place): then an operator decides (add_key).
--
-- Caller	web/page_join.c. nickname: as a new one is written, null when it may be no new one; before: as it was
--		typed, for a name of before; skeletons, of_mark: see open_workers; key: the hash of the key; address:
--		as nginx saw it, null: not known; token, invite: hashes, null where none was shown; must_invite:
--		sign-up is closed.
-- Answer	one row. status: made; or, when nothing was done: limited (too many tries from there), no_invite, banned
--		(words: what they hear), no_name, taken (somebody has it), alike (it looks like `name`, which
--		somebody has or worked under), worked (a token is needed), no_token (it is of no worker of that name
--		that is here), several (an operator decides). name: otherwise the name.
-- Errors	none.
-- Locks	see may_try; invite, the one; see claim_person.
-- Index	invite by hash; person by nickname; worker by token and worker_person; credit by key; see may_try,
--		like_another, is_of_one_place.
create or replace function tracker.sign_up(nickname text, before text, skeletons uuid[], of_mark text,
	key uuid, key_label text, address inet, token uuid, invite uuid, must_invite boolean)
returns table (status text, name text, words text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	c_tries constant int4 := 40;	-- an hour: a class behind one address, and no more
	v_now constant timestamptz := clock_timestamp();
	v_invite int8;
	v_person int8;
	v_claimed boolean;
	v_used boolean;
begin
	if not tracker.may_try('join', sign_up.address, c_tries) then
		status := 'limited';
		return next;
		return;
	end if;
	-- claim_person's, before anything is read that it decides by: of two who ask at once for a name one gets it.
	lock table tracker.person_key in share row exclusive mode;

	if must_invite then
		select i.id into v_invite from tracker.invite i
		where i.hash = sign_up.invite and i.used is null and i.until > v_now for update;
		if not found then
			status := 'no_invite';
			return next;
			return;
		end if;
	end if;
	words := tracker.banned_words(coalesce(sign_up.nickname, sign_up.before), sign_up.address, null);
	if words is not null then
		status := 'banned';
		return next;
		return;
	end if;

	select q.id, q.nickname, p.claimed is not null or q.claimed is not null
	into v_person, name, v_claimed
	from tracker.person p join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where p.nickname = any (array[sign_up.before, sign_up.nickname])
	order by p.nickname = sign_up.before desc limit 1;
	if v_person is null and sign_up.nickname is null then
		status := 'no_name';
		return next;
		return;
	elsif v_claimed then
		status := 'taken';
		return next;
		return;
	end if;

	words := tracker.like_another(v_person, skeletons, true);
	if words is not null then
		status := 'alike';
		name := words;
		words := null;
		return next;
		return;
	end if;

	if v_person is null then
		name := sign_up.nickname;
		insert into tracker.person (nickname) values (name) on conflict (nickname) do nothing;
		select p.id into v_person from tracker.person p where p.nickname = name;
	end if;
	select p.done > 0 or exists (select from tracker.credit c where c.person = p.id and c.done > 0)
		or exists (select from tracker.worker w where w.person = p.id and w.gone_at is null)
	into v_used from tracker.person p where p.id = v_person;
	if v_used then
		status := case
			when sign_up.token is null then 'worked'
			when not exists (select from tracker.worker w where w.token = sign_up.token
				and w.person = v_person and w.gone_at is null) then 'no_token'
			when tracker.is_of_one_place(v_person, sign_up.token) is not true then 'several' end;
		if status is not null then
			return next;
			return;
		end if;
	end if;

	name := coalesce(name, sign_up.nickname);
	if tracker.claim_person(v_person, skeletons, of_mark, key, key_label) is not null then
		status := 'alike';
		return next;
		return;
	end if;
	update tracker.invite i set used = v_now, person = v_person where i.id = v_invite;
	perform set_config('tracker.who', 'visitor of /join', true);
	perform tracker.audit_act('key add', 'person ' || name, 1,
		jsonb_strip_nulls(jsonb_build_object('label', key_label, 'invite', v_invite)));
	status := 'made';
	return next;
end $$;
