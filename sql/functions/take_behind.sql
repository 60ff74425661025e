-- Chooses jobs of one stage for whom the first batch of its line has too little, from those behind it, one
-- after the other: of each, work that came back first, up to half while there is fresh work; then fresh work;
-- then more of what came back.
--
-- Caller	deal_stage. p_batch: the first in line; p_back, p_fresh: what take_returned and take_fresh gave of
--		it. p_want: of all. p_hint, p_hint_batch: the last position taken, and of which batch. p_line: see
--		next_in_line.
-- Answer	aligned arrays of what came back, which stays in retry, locked (see take_returned), and of what
--		is fresh, those of the first batch with them. hint, hint_batch: as the parameters, for next
--		time; null: keep the old ones.
-- Errors	none.
-- Locks	a batch after the other: retry and ready SKIP LOCKED; frontier.
-- Index	see next_in_line, take_returned and take_fresh.
-- Source	a batch may come twice, when another joins the line before it meanwhile: what we have of it is
--		locked by ourselves, so it is not skipped. Runs under its caller's settings: a SET of its own
--		would cost as much as the work.
create or replace function tracker.take_behind(p_stage int2, p_want int4, p_due timestamptz,
	p_hint int8, p_hint_batch int4, p_batch int4, p_back record, p_fresh record, p_line int4[],
	out jobs int8[], out batches int4[], out attempts int4[], out flagged boolean[], out workers int8[],
	out fresh int8[], out fresh_batches int4[], out hint int8, out hint_batch int4)
language plpgsql
as $$
#variable_conflict use_variable
declare
	v_left int4 := p_want - cardinality(p_back.jobs) - cardinality(p_fresh.jobs);
	n record := tracker.next_in_line(p_stage, 1, p_due, p_line);
	r record;	-- what came back
	f record;	-- fresh work
	s record;
begin
	s := tracker.take_returned(p_stage, p_batch, v_left, null, p_due, p_back.jobs);
	jobs := p_back.jobs || s.jobs;
	batches := array_fill(p_batch, array[cardinality(jobs)]);
	attempts := p_back.attempts || s.attempts;
	flagged := p_back.flagged || s.flagged;
	workers := p_back.workers || s.workers;
	fresh := p_fresh.jobs;
	fresh_batches := array_fill(p_batch, array[cardinality(fresh)]);
	hint := p_fresh.hint;
	hint_batch := p_batch;
	v_left := v_left - cardinality(s.jobs);
	while v_left > 0 and n.batch is not null loop
		r := tracker.take_returned(p_stage, n.batch, (v_left + 1) / 2, null, p_due, jobs);
		f := tracker.take_fresh(p_stage, n.batch, v_left - cardinality(r.jobs),
			case when n.batch = p_hint_batch then p_hint else 0 end);
		jobs := jobs || r.jobs;
		attempts := attempts || r.attempts;
		flagged := flagged || r.flagged;
		workers := workers || r.workers;
		fresh := fresh || f.jobs;
		fresh_batches := fresh_batches || array_fill(n.batch, array[cardinality(f.jobs)]);
		v_left := v_left - cardinality(r.jobs) - cardinality(f.jobs);
		s := tracker.take_returned(p_stage, n.batch, v_left, null, p_due, jobs);
		jobs := jobs || s.jobs;
		attempts := attempts || s.attempts;
		flagged := flagged || s.flagged;
		workers := workers || s.workers;
		batches := batches
			|| array_fill(n.batch, array[cardinality(r.jobs) + cardinality(s.jobs)]);
		v_left := v_left - cardinality(s.jobs);
		if f.hint is not null then
			hint := f.hint;
			hint_batch := n.batch;
		end if;
		n := tracker.next_in_line(p_stage, n.place, p_due, p_line);
	end loop;
end $$;
