-- What is kept of a person, a part at a time: first they themselves, then their machines, each with its failures, then
-- results that were sent back. Results that stand are the project's: they are counted by day and stage.
--
-- Caller	web/api_own.c, web/page_own.c. after, after_row: where the part before ended; 0, 0 for the first: a worker.id,
--		of which failures up to a strike.id were told; behind all machines, 253402300799999 and a
--		refused_output.id. most: rows of a part.
-- Answer	a JSON object; null when there is no such person. "next": where the next part begins, "NUMBER-NUMBER";
--		null in the last one.
-- Errors	none.
-- Locks	none.
-- Index	worker_person; strike_worker; refused_output_person; person by id.
create or replace function tracker.own_data(of_person int8, after int8, after_row int8, most int4)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	c_behind constant int8 := 253402300799999;
	v_left int4 := most;
	v_self jsonb;
	v_machines jsonb[] := '{}';
	v_failures jsonb[] := '{}';
	v_refused jsonb[] := '{}';
	v_next text;
	w tracker.worker;
	r record;
begin
	select jsonb_build_object('name', p.nickname, 'since', p.created,
		'names_before', (select coalesce(jsonb_agg(q.nickname order by q.id), '[]') from tracker.person q
			where q.merged_into = p.id),
		'on_no_board', p.hidden, 'machines_hidden', p.machines_hidden,
		'keys', (select coalesce(jsonb_agg(jsonb_build_object('label', k.label, 'made', k.created,
				'used', k.used, 'revoked', k.revoked) order by k.id), '[]')
			from tracker.list_keys(p.nickname) k),
		'days', (select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'stage', tracker.letter_of(d.stage),
				'done', d.done, 'sent_back', d.withdrawn) order by d.day, d.stage), '[]')
			from tracker.person_day d where d.person = p.id))
	into v_self
	from tracker.person p where p.id = of_person and not p.erased;
	if not found then
		return null;
	end if;

	for w in select q.* from tracker.worker q
		where q.person in (select tracker.ids_of(of_person)) and after < c_behind and q.id >= after
		order by q.id limit most + 2	-- one was told before, one tells that there are more
	loop
		exit when v_next is not null;	-- in the midst of one
		if v_left <= 0 then
			v_next := w.id - 1 || '-' || c_behind;
			exit;
		end if;
		if w.id > after then
			v_machines := v_machines || jsonb_build_object('name', w.name, 'stage', tracker.letter_of(w.stage),
				'label', w.label, 'slots', w.slots, 'has', w.words, 'address', host(w.address), 'came', w.created,
				'seen', w.seen, 'gone', w.gone_at, 'why', w.gone_why, 'done', w.done - tracker.count_sent_back(w.id),
				'failed', w.struck);
			v_left := v_left - 1;
		end if;
		for r in select s.id, s.stage, s.job, s.kind, s.reason, s.at from tracker.strike s
			where s.worker = w.id and (w.id > after or s.id > after_row)
			order by s.id limit v_left + 1
		loop
			if v_left <= 0 then
				v_next := w.id || '-' || r.id - 1;
				exit;
			end if;
			v_failures := v_failures || jsonb_build_object('machine', w.name, 'stage', tracker.letter_of(r.stage),
				'job', r.job, 'how', r.kind, 'reason', r.reason, 'at', r.at);
			v_left := v_left - 1;
		end loop;
	end loop;

	if v_next is null then
		for r in select x.id, x.stage, x.job, x.reason, x.refused from tracker.refused_output x
			where x.person in (select tracker.ids_of(of_person)) and (after < c_behind or x.id > after_row)
			order by x.id limit v_left + 1
		loop
			if v_left <= 0 then
				v_next := c_behind || '-' || r.id - 1;
				exit;
			end if;
			v_refused := v_refused || jsonb_build_object('stage', tracker.letter_of(r.stage), 'job', r.job,
				'reason', r.reason, 'at', r.refused);
			v_left := v_left - 1;
		end loop;
	end if;
	return (case when after = 0 and after_row = 0 then jsonb_build_object('person', v_self) else '{}' end
		|| jsonb_build_object('machines', to_jsonb(v_machines), 'failures', to_jsonb(v_failures),
			'sent_back', to_jsonb(v_refused), 'next', v_next))::text;
end $$;
