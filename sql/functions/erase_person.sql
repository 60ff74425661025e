-- Erases a person: nickname, key, addresses, what their workers run, and the words that they sent, wherever
-- they are kept; and what others wrote of them, when an operator says so. Results and totals stay, as erased-N's, which is on no
-- board and has no page; N is the line's number in audit. Their workers are gone.
--
-- Results themselves are the project's, and are not looked into.
--
-- Who acted for the project under that name (audit.who) stays written there: else anybody who takes the name of an
-- operator could have what that operator did told of nobody.
--
-- Caller	distcompute-admin person erase; own_erase, which never says words nor others: what others wrote, and an operator looks
--		for, is not for strangers to change by a name such as "it", or that of a release. others: the names go out of what others
--		wrote; else out of what is of nobody but them. words: a short name is replaced as a word in any case, too (see without_name).
-- Answer	a row a worker that they ever had: its token's hash, and freed, how many of its jobs wait for
--		others (null: it was gone before). line: the one in audit; names: theirs, a line each, for what is kept elsewhere.
-- Errors	TR002: there is no such person.
-- Locks	none while texts are searched, which takes longest; registrations (see open_workers);
--		fold_credit's; last of all see end_workers.
-- Index	worker_person; strike_worker; strike, refused_output and worker by key. Texts that may name them are
--		read whole, before the locks; those of failed, ban and audit, which are few, behind them.
drop function if exists tracker.erase_person(text);
drop function if exists tracker.erase_person(text, boolean);
create or replace function tracker.erase_person(of_person text, words boolean default false, others boolean default true)
returns table (line int8, worker int8, token uuid, stage int2, freed int4, names text)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_person int8 := tracker.find_person(of_person);
	v_people int8[];
	v_workers int8[];
	v_line int8;
	v_new text;
	v_name text;
	v_any_case boolean;
	v_names text[];
	c_unseen constant int8 := 10000;	-- rows that may be committed behind a mark
	v_strike_mark int8; v_refused_mark int8; v_worker_mark int8;
	-- rows in which a name stands
	v_strikes int8[]; v_refused int8[]; v_labelled int8[];
begin
	select array_agg(p.id order by p.id), array_agg(p.nickname order by p.id) into v_people, v_names
	from tracker.person p where (p.id = v_person or p.merged_into = v_person) and not p.erased;

	-- Where the names stand, of what is long; later it is looked up, and what came meanwhile besides.
	if erase_person.others then
		select coalesce(max(s.id), 0) - c_unseen into v_strike_mark from tracker.strike s;
		select coalesce(max(r.id), 0) - c_unseen into v_refused_mark from tracker.refused_output r;
		select coalesce(max(w.id), 0) - c_unseen into v_worker_mark from tracker.worker w;
		v_strikes := array(select s.id from tracker.strike s
			where exists (select from unnest(v_names) as n(name) where tracker.has_name(s.reason, n.name, octet_length(n.name) >= 6 or erase_person.words)));
		v_refused := array(select r.id from tracker.refused_output r
			where exists (select from unnest(v_names) as n(name) where tracker.has_name(r.reason, n.name, octet_length(n.name) >= 6 or erase_person.words)));
		v_labelled := array(select w.id from tracker.worker w
			where exists (select from unnest(v_names) as n(name) where tracker.has_name(w.label, n.name, octet_length(n.name) >= 6 or erase_person.words)));
	end if;

	lock table tracker.ban in share row exclusive mode;
	if v_names is distinct from (select array_agg(p.nickname order by p.id) from tracker.person p
			where p.id = any (v_people) and not p.erased) or v_names is null
		or exists (select from tracker.person p where p.merged_into = v_person and p.id <> all (v_people)) then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	v_line := tracker.audit_act('erase person', '', 0, null);
	v_new := 'erased-' || v_line;
	v_workers := array(select w.id from tracker.worker w where w.person = any (v_people));

	-- 1. What they sent, also where it is quoted: by a job that failed, by a result that was refused.
	update tracker.refused_output r set reason = replace(r.reason, ', at last: ' || s.reason, '')
	from tracker.strike s
	where s.worker = any (v_workers) and s.kind = 'flagged' and s.reason <> ''
		and r.job = s.job and r.stage = s.stage - 1
		and right(r.reason, length(s.reason)) = s.reason;
	update tracker.failed f set reason = case
		when strpos(f.reason, ', at last: ') > 0 then split_part(f.reason, ', at last: ', 1) else '' end
	where f.worker = any (v_workers) and f.reason <> '';
	update tracker.trial t set said = null
	where t.worker = any (v_workers) and t.state in ('failed', 'flagged', 'released');
	update tracker.strike s set reason = '', network = null
	where s.worker = any (v_workers) and (s.network is not null
		or s.reason <> '' and (s.chosen or s.kind in ('failed', 'flagged')));

	-- 2. What others wrote of them: the longest name first, for another may be a part of it.
	foreach v_name in array case when erase_person.others
		then array(select n.name from unnest(v_names) as n(name) order by length(n.name) desc, n.name) else '{}' end
	loop
		v_any_case := octet_length(v_name) >= 6 or erase_person.words;
		update tracker.refused_output r set reason = tracker.without_name(r.reason, v_name, v_new, erase_person.words)
		where (r.id = any (v_refused) or r.id > v_refused_mark) and tracker.has_name(r.reason, v_name, v_any_case);
		update tracker.strike s set reason = tracker.without_name(s.reason, v_name, v_new, erase_person.words)
		where (s.id = any (v_strikes) or s.id > v_strike_mark) and tracker.has_name(s.reason, v_name, v_any_case)
			and tracker.is_said(s.kind, s.chosen);
		update tracker.failed f set reason = tracker.without_name(f.reason, v_name, v_new, erase_person.words)
		where tracker.has_name(f.reason, v_name, v_any_case);
		update tracker.worker w set label = tracker.without_name(w.label, v_name, v_new, erase_person.words)
		where (w.id = any (v_labelled) or w.id > v_worker_mark) and tracker.has_name(w.label, v_name, v_any_case);
		update tracker.ban b set words = tracker.without_name(b.words, v_name, v_new, erase_person.words),
			label = tracker.without_name(b.label, v_name, v_new, erase_person.words),
			label_hash = case when tracker.without_name(b.label, v_name, v_new, erase_person.words) <> b.label
				then coalesce(b.label_hash, tracker.ban_hash(b.label)) else b.label_hash end
		where tracker.has_name(b.words, v_name, v_any_case) or tracker.has_name(b.label, v_name, v_any_case);
		update tracker.batch b set note = tracker.without_name(b.note, v_name, v_new, erase_person.words),
			paused_why = tracker.without_name(b.paused_why, v_name, v_new, erase_person.words)
		where tracker.has_name(b.note, v_name, v_any_case) or tracker.has_name(b.paused_why, v_name, v_any_case);
		update tracker.project p set banner = tracker.without_name(p.banner, v_name, v_new, erase_person.words)
		where tracker.has_name(p.banner, v_name, v_any_case);
		update tracker.invite i set label = tracker.without_name(i.label, v_name, v_new, erase_person.words)
		where tracker.has_name(i.label, v_name, v_any_case);
		update tracker.person_key k set label = tracker.without_name(k.label, v_name, v_new, erase_person.words)
		where tracker.has_name(k.label, v_name, v_any_case);
		update tracker.trial t set said = tracker.without_name(t.said, v_name, v_new, erase_person.words)
		where t.state in ('failed', 'flagged', 'released') and tracker.has_name(t.said, v_name, v_any_case);
		delete from tracker.former_stage f
		where strpos(f.name, lower(v_name collate "und-x-icu")) > 0 and (char_length(v_name) >= 3 or erase_person.words)
			and f.name ~ tracker.as_word(lower(v_name collate "und-x-icu"));
		update tracker.audit a set
			-- who is called the same in other letters is somebody else
			target = case when exists (select from tracker.person p
					where p.nickname = regexp_replace(a.target, '^person ', '')
						and p.id <> all (v_people)) then a.target
				else t.head || tracker.without_name(t.tail, v_name, v_new, erase_person.words) end,
			details = coalesce((
				select jsonb_object_agg(d.key, case jsonb_typeof(d.value) when 'string'
					then to_jsonb(tracker.without_name(d.value #>> '{}', v_name, v_new, erase_person.words))
					else d.value end)
				from jsonb_each(a.details) d), '{}')
		from tracker.audit q
		cross join lateral tracker.cut_target(q.target) t
		where q.id = a.id
			and (tracker.has_name(a.target, v_name, v_any_case) or tracker.has_name(a.details::text, v_name, v_any_case)
				or exists (select from jsonb_each_text(a.details) d where tracker.has_name(d.value, v_name, v_any_case)));
	end loop;

	-- 3. What was done to them, and they themselves.
	update tracker.ban b set person = v_new, lifted = coalesce(b.lifted, clock_timestamp())
	where b.person = any (v_names);
	update tracker.audit a set
		target = case when a.target = any (v_names) then v_new
			when a.target ~ '^person ' and substr(a.target, 8) = any (v_names) then 'person ' || v_new else a.target end,
		details = coalesce((
			select jsonb_object_agg(d.key, case when d.value #>> '{}' = any (v_names) and d.key in ('person', 'to', 'into')
				then to_jsonb(v_new) else d.value end)
			from jsonb_each(a.details) d), '{}')
	where a.act ~ 'person$|people$|^key |machines$|^(un)?ban$|^undo$|^requeue$'
		and (a.target = any (v_names) or substr(a.target, 8) = any (v_names)
			or exists (select from jsonb_each_text(a.details) d where d.value = any (v_names)));
	perform pg_advisory_xact_lock(hashtext('tracker.fold_credit'));
	update tracker.person p set nickname = v_new || case when p.id = v_person then '' else '-' || p.id end,
		claimed = null, hidden = true, erased = true
	where p.id = any (v_people);
	delete from tracker.person_key k where k.person = any (v_people);
	perform tracker.settle_board(v_people);
	update tracker.worker w set label = '', label_now = null, words = null, has = null, address = null, origin = null,
		network = null
	where w.person = any (v_people) and (w.label <> ''
		or num_nonnulls(w.label_now, w.words, w.has, w.address, w.origin, w.network) > 0);
	update tracker.audit a set target = v_new, count = cardinality(v_workers) where a.id = v_line;
	return query
		with e as materialized (
			select e.worker, e.freed from tracker.end_workers(
				array(select w.token from tracker.worker w
					where w.person = any (v_people) and w.gone_at is null), 'dropped', null) e)
		select v_line, w.id, w.token, w.stage, e.freed, array_to_string(v_names, E'\n')
		from (select 1) one
		left join tracker.worker w on w.person = any (v_people)
		left join e on e.worker = w.id;
end $$;
