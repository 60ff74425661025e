-- Answers v1's newJob for all who ask at this moment: the common case in few statements. All are of
-- one stage, none holds a job, rests or has a trial to come, none is hurried, and of the batch first in line nothing that
-- came back is due (what was undone is for claim_anew); or nothing is left of that batch (claim_behind). Everything else is for
-- claim_held, which it then calls; where little came back, for twice as many as that, who wait longest (what came back is half
-- of what they get); also for those for whom a batch has no more, when another stands behind it.
--
-- Caller	domain/jobs.c, with v1's claims that wait, in ascending order of token (or it is no common case). ages_us: how long
--		each has waited in the tracker. hints[stage]: the position last heard in a 'hint' row, 0 at first; hints[5 + stage]: of
--		which batch. hints[10 + stage]: the same of 'due' rows (low_of). ids: of leases, one for each.
-- Answer	one row an item: job, none (job = what the worker has, as a mask; attempt = how many of its words have no bit), paused, unknown, rest (see
--		claim_awake); data is null when it is too long for its share of answer_limit (see
--		fetch_inputs). 'hint' rows with item 0 (stage, job = position, attempt = batch); 'due' rows (stage, job); 'gate' rows (see list_waits; job: after_us).
-- Errors	none for one item.
-- Locks	worker (by token), ready or frontier, lease, tally; see claim_held. What was locked in vain stays so until the end.
-- Index	worker by token; stage by key; retry by (stage, due) and (stage, batch, due); ready, job and output by key.
-- Source	apart because claim_held has three times the statements. Counted in instructions: an aggregate costs 10,000 to start,
--		gen_random_uuid() 10,000, a check on the table 33,000, and ON CONFLICT 55,000 and 11,000 a row. So: few of each,
--		subscripts instead of unnest, and the common case is called first.
create or replace function tracker.claim_fresh(tokens uuid[], ages_us int8[], calls int8[],
	hints int8[], ids uuid[], answer_limit int4)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier(); v_found int4 := cardinality(tokens); v_now timestamptz := clock_timestamp();
	v_stage int2; v_batch int4;	-- the first in line; null: none, or paused, hurried, not plain
	v_back int4;	-- of which batch is what is due longest, if it is to be done anew; 0: if not; null: nothing is due
	v_anew boolean;	-- is it the turn of what is to be done anew; null: of v_batch that is not what is due longest
	w_tid tid[]; v_jobs int8[]; v_first int8;	-- of stage A, mostly: a range instead
	v_given int4; v_datas text[]; v_hint int8; a record;
	v_turn int4[]; v_behind boolean;	-- when there is too little: by item, whose turn it is; is there more elsewhere
	v_rest int4[]; v_items int4[];	-- who goes the long way; the items of the others, null: of all
begin
	select array_agg(l.tid), min(l.stage), (
			select s.plain from tracker.stage s
			where s.stage = min(l.stage) and not s.paused and s.hurried is null),
		(select case when r.lease is null then r.batch else 0 end from tracker.retry r	-- in order, or the index by batch would be read whole
			where r.stage = min(l.stage) and r.due >= tracker.low_of(hints, min(l.stage)) and r.due <= v_now order by r.due limit 1)
	into w_tid, v_stage, v_batch, v_back
	from generate_series(1, v_found) as g(n)
	cross join lateral (
		select q.ctid as tid, q.held_lease, q.stage, q.gone_at, q.rest_until, q.trial from tracker.worker q
		where q.token = tokens[g.n] offset 0
		for no key update) l
	where l.gone_at is null and l.held_lease is null and l.rest_until <= v_now
		and l.trial is null and (g.n = 1 or tokens[g.n] > tokens[g.n - 1])
	having min(l.stage) = max(l.stage);
	if v_back is not null or v_batch is null or cardinality(w_tid) is distinct from v_found then
		if cardinality(w_tid) is distinct from v_found then
			return query select * from tracker.claim_awake(tokens, ages_us, calls, hints, ids, answer_limit);
			if found then return; end if;
		elsif v_batch is not null then
			v_anew := case when v_back = v_batch or tracker.is_to_be_anew(v_stage, v_batch, hints)
				then tracker.is_turn_of_anew(v_found, ids[1]) end;
			if v_anew then
				return query select * from tracker.claim_anew(v_stage, v_batch, w_tid, tokens, ages_us, calls, hints, ids, answer_limit, false);
				if found then return; end if;
			end if;
			v_rest := case when v_anew is not false then tracker.who_goes_long(v_stage, v_batch, v_found, ages_us) end;
		end if;
		if v_anew = false then null;	-- it is the turn of fresh work
		elsif coalesce(cardinality(v_rest), v_found) = v_found then
			return query select * from tracker.claim_held(tokens, ages_us, calls, hints, ids, answer_limit);
			return;
		elsif v_rest <> '{}' then
			return query select * from tracker.claim_some(v_rest, tokens, ages_us, calls, hints, ids, answer_limit);
			select array_agg(g.n), array_agg(w_tid[g.n]), array_agg(tokens[g.n]), array_agg(ages_us[g.n]), array_agg(calls[g.n]), array_agg(ids[g.n])
			into v_items, w_tid, tokens, ages_us, calls, ids
			from generate_series(1, v_found) as g(n) where g.n <> all (v_rest);
			v_found := cardinality(v_items);
		end if;
	end if;

	if v_stage = 1 then
		-- Mostly somebody claimed in the last seconds; else look for the row's epoch first.
		update tracker.frontier f
		set next = least(f.next + v_found, f.last + 1), previous = f.next,
			epoch = greatest(f.epoch, tracker.now_epoch())
		where f.batch = v_batch and f.epoch >= tracker.now_epoch() - 1 and f.next <= f.last
		returning f.previous, f.next - f.previous into v_first, v_given;
		if found then
			v_datas := array(
				select case when octet_length(j.data) <= answer_limit / v_found then j.data end
				from tracker.job j
				where j.number >= v_first and j.number < v_first + v_given
				order by j.number);
		else
			a := tracker.take_fresh(v_stage, v_batch, v_found, 0);
			v_jobs := a.jobs;
			v_given := cardinality(v_jobs);
			v_datas := array(
				select tracker.input_of(v_stage, v_jobs[g.n], answer_limit / v_found)
				from generate_series(1, v_given) as g(n));
		end if;
	else
		a := tracker.take_fresh(v_stage, v_batch, v_found,
			case when hints[5 + v_stage] = v_batch then hints[v_stage] else 0 end);
		v_jobs := a.jobs;
		v_given := cardinality(v_jobs);
		v_hint := a.hint;
		v_datas := array(
			select (
				select case when octet_length(o.data) <= answer_limit / v_found then o.data end
				from tracker.output o
				where o.stage = v_stage - 1 and o.job = v_jobs[g.n])
			from generate_series(1, v_given) as g(n));
	end if;
	if v_given = 0 and v_items is null then
		return query select * from tracker.claim_behind(v_stage, case when v_anew = false then v_batch end, w_tid, tokens, ages_us, calls, hints, ids, answer_limit);
		if found then return; end if;
	end if;
	-- Too little for all: who waits longest gets it.
	if v_given < v_found then
		v_behind := v_rest is not null or (select s.line[2] is not null from tracker.stage s where s.stage = v_stage) or exists (
			select from tracker.retry r where r.stage = v_stage and r.batch = v_batch and r.due <= v_now);
		v_turn := tracker.turns_of(ages_us, v_found);
		if v_behind then
			v_rest := array(
				select g.n from generate_series(1, v_found) as g(n) where v_turn[g.n] > v_given);
			w_tid := array(
				select case when v_turn[g.n] <= v_given then w_tid[g.n] end
				from generate_series(1, v_found) as g(n));
		end if;
	end if;

	return query with x as (
		update tracker.worker w set
			seen = greatest(w.seen, v_now), asked_kind = 'new_job',
			asked_at = v_now,	-- not when it came: it may have been parked for long
			claimed_at = greatest(w.claimed_at,
				v_now - greatest(coalesce(ages_us[g.n], 0), 0) * interval '1 us'),
			repeats = 0, held_job = case when g.turn <= v_given
				then coalesce(v_first + g.turn - 1, v_jobs[g.turn]) end,
			held_lease = case when g.turn <= v_given then ids[g.n] end,
			holds = case when g.turn <= v_given then w.holds + 1 else w.holds end
		from (
			select s.n, coalesce(v_turn[s.n], s.n) as turn
			from generate_series(1, v_found) as s(n)) g
		where w.ctid = w_tid[g.n]
		returning g.n, g.turn, w.id, w.held_job, w.held_lease, w.has, w.words),
	l as (
		insert into tracker.lease (stage, batch, job, id, worker, since, attempt, call)
		select v_stage, v_batch, x.held_job, x.held_lease, x.id, clock_timestamp(), 1, calls[x.n]
		from x where x.held_job is not null)
	select coalesce(v_items[x.n], x.n), case when x.held_job is null then 'none' else 'job' end, x.id, v_stage,
		coalesce(x.held_job, x.has), x.held_lease, case when x.held_job is not null then 1 else
			coalesce(cardinality(x.words), 0) - bit_count(coalesce(x.has, 0)::bit(64))::int4 end, v_datas[x.turn] from x;

	if v_stage > 1 then
		if v_given > 0 then
			insert into tracker.tally as t (stage, batch, minute, slot, ready)
			values (v_stage, v_batch, date_trunc('minute', statement_timestamp()), tracker.own_slot(), -v_given)
			on conflict (stage, batch, minute, slot) do update set ready = t.ready + excluded.ready;
		end if;
		if v_hint is not null then
			return query select 0, 'hint', null::int8, v_stage, v_hint, null::uuid, v_batch, null::text;
		end if;
	end if;
	if v_behind then
		return query
			select coalesce(v_items[h.item], h.item), h.status, h.worker, h.stage, h.job, h.lease, h.attempt, h.data
			from tracker.claim_some(v_rest, tokens, ages_us, calls, hints, ids, answer_limit) h;
	end if;
end $$;
