-- Shows somebody the door: a person, an address or a network of them, all that run a release, or one
-- worker. Their workers are gone at once, their jobs go to others with no attempt counted, and who
-- registers again hears the words.
--
-- Caller	distcompute-admin ban. One of the first four is given; of_stage with of_worker: its name there.
-- Answer	a row a worker that was present: its token's hash, for other hosts; freed: its jobs.
-- Errors	TR002: not one of the four, no words, an end in the past, or no such worker. TR003: see check_line.
-- Locks	see end_workers.
-- Index	worker_person_present; worker by (stage, name); present workers are read for the others.
create or replace function tracker.ban_strangers(of_person text, of_address cidr, of_label text,
	of_worker text, of_stage int2, words text, until timestamptz)
returns table (token uuid, stage int2, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_worker int8;
	v_ban int8;
	v_people int8[];
	v_tokens uuid[];
begin
	if num_nonnulls(of_person, of_address, of_label, of_worker) <> 1 or of_label = '' then
		raise exception 'say one of: a person, an address, a label, a worker' using errcode = 'TR002';
	end if;
	if coalesce(ban_strangers.words, '') = '' then
		raise exception 'say what they shall hear' using errcode = 'TR002';
	end if;
	perform tracker.check_line('a reason', ban_strangers.words);
	if ban_strangers.until <= clock_timestamp() then
		raise exception 'that time is over' using errcode = 'TR002';
	end if;
	if of_worker is not null then
		select w.id into v_worker from tracker.worker w
		where w.stage = of_stage and w.name = of_worker;
		if not found then
			raise exception 'no such worker' using errcode = 'TR002';
		end if;
	end if;

	-- The ban stands before its workers go: who registers meanwhile is seen below, or hears of it.
	lock table tracker.ban in share row exclusive mode;
	insert into tracker.ban (person, address, label, worker, words, until)
	values (of_person, of_address, of_label, v_worker, ban_strangers.words, ban_strangers.until)
	returning id into v_ban;
	v_people := array(select tracker.ids_of_person(of_person));
	v_tokens := array(
		select w.token from tracker.worker w
		where w.gone_at is null and (
			w.person = any (v_people)
			or w.address <<= of_address or lower(w.label) = lower(of_label)
			or w.label_now = tracker.ban_hash(of_label)
			or w.id = v_worker));
	return query
		select e.token, e.stage, e.freed
		from tracker.end_workers(v_tokens, 'banned', null) e;
	perform tracker.audit_act('ban', coalesce('person ' || of_person, 'address ' || of_address::text,
		'label ' || of_label, format('worker %s of stage %s', of_worker, tracker.letter_of(of_stage))),
		cardinality(v_tokens), jsonb_strip_nulls(jsonb_build_object('ban', v_ban,
			'words', ban_strangers.words, 'until', ban_strangers.until)));
end $$;
