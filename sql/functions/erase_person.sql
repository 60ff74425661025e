-- Erases a person: nickname, key, addresses, what their workers run, and the words that they sent, wherever
-- they are kept, also in what others wrote of them. Results and totals stay, as erased-N's, which is on no
-- board and has no page; N is the line's number in audit. Their workers are gone.
--
-- Results themselves are the project's, and are not looked into.
--
-- Caller	distcompute-admin person erase.
-- Answer	a row a worker that they ever had: its token's hash, and freed, how many of its jobs wait for
--		others (null: it was gone before). line: the one in audit.
-- Errors	TR002: there is no such person.
-- Locks	texts first, which takes longest and hinders nobody; registrations (see open_workers);
--		fold_credit's; last of all see end_workers.
-- Index	worker_person; strike_worker; texts that may name them are read whole.
create or replace function tracker.erase_person(of_person text)
returns table (line int8, worker int8, token uuid, stage int2, freed int4)
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
begin
	v_people := array(
		select p.id from tracker.person p
		where (p.id = v_person or p.merged_into = v_person) and not p.erased order by p.id);
	if v_people = '{}' then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	v_line := tracker.audit_act('erase person', '', 0, null);
	v_new := 'erased-' || v_line;
	lock table tracker.ban in share row exclusive mode;
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
	update tracker.strike s set reason = '', network = null
	where s.worker = any (v_workers) and (s.network is not null
		or s.reason <> '' and (s.chosen or s.kind in ('failed', 'flagged')));

	-- 2. What others wrote of them.
	foreach v_name in array array(select p.nickname from tracker.person p where p.id = any (v_people))
	loop
		update tracker.refused_output r set reason = tracker.without_name(r.reason, v_name, v_new)
		where strpos(r.reason, v_name) > 0;
		update tracker.strike s set reason = tracker.without_name(s.reason, v_name, v_new)
		where strpos(s.reason, v_name) > 0;
		update tracker.failed f set reason = tracker.without_name(f.reason, v_name, v_new)
		where strpos(f.reason, v_name) > 0;
		update tracker.worker w set label = tracker.without_name(w.label, v_name, v_new)
		where strpos(w.label, v_name) > 0;
		update tracker.ban b set words = tracker.without_name(b.words, v_name, v_new),
			label = tracker.without_name(b.label, v_name, v_new)
		where strpos(b.words, v_name) > 0 or strpos(b.label, v_name) > 0;
		update tracker.ban b set person = v_new, lifted = coalesce(b.lifted, clock_timestamp())
		where b.person = v_name;
		update tracker.audit a set
			target = case when a.target = 'person ' || v_name then 'person ' || v_new
				else tracker.without_name(a.target, v_name, v_new) end,
			details = coalesce((
				select jsonb_object_agg(d.key, case jsonb_typeof(d.value) when 'string'
					then to_jsonb(tracker.without_name(d.value #>> '{}', v_name, v_new))
					else d.value end)
				from jsonb_each(a.details) d), '{}')
		where strpos(a.target, v_name) > 0 or strpos(a.details::text, v_name) > 0
			or exists (select from jsonb_each_text(a.details) d where strpos(d.value, v_name) > 0);
	end loop;

	-- 3. They themselves.
	perform pg_advisory_xact_lock(hashtext('tracker.fold_credit'));
	update tracker.person p set nickname = v_new || case when p.id = v_person then '' else '-' || p.id end,
		claimed = null, hidden = true, erased = true
	where p.id = any (v_people);
	delete from tracker.person_key k where k.person = any (v_people);
	perform tracker.settle_board(v_people);
	update tracker.worker w set label = '', address = null, origin = null, network = null
	where w.person = any (v_people)
		and (w.label <> '' or num_nonnulls(w.address, w.origin, w.network) > 0);
	update tracker.audit a set target = v_new, count = cardinality(v_workers) where a.id = v_line;
	return query
		with e as materialized (
			select e.worker, e.freed from tracker.end_workers(
				array(select w.token from tracker.worker w
					where w.person = any (v_people) and w.gone_at is null), 'dropped', null) e)
		select v_line, w.id, w.token, w.stage, e.freed
		from (select 1) one
		left join tracker.worker w on w.person = any (v_people)
		left join e on e.worker = w.id;
end $$;
