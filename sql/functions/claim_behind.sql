-- Answers v1's newJob for a bundle when no fresh work is left of the first batch in line: what is to be done anew of it, or, where
-- nothing is left, the next batch that has work is dealt as if it were the first, which stands there while some of it is due soon.
--
-- Caller	claim_fresh, which has locked the workers' rows. p_anew: the batch of which something is to be done anew;
--		null: of the first there is nothing. Other parameters: see claim_anew.
-- Answer	as claim_fresh; no row: there is none, or it has needs or a rate, or something else came back to it.
-- Errors	none for one item.
-- Locks	see claim_anew.
-- Index	stage by key; see next_in_line and claim_anew.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
drop function if exists tracker.claim_behind(int2, tid[], uuid[], int8[], int8[], int8[], uuid[], int4);
create or replace function tracker.claim_behind(p_stage int2, p_anew int4, w_tid tid[], tokens uuid[], ages_us int8[],
	calls int8[], hints int8[], ids uuid[], answer_limit int4)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_batch int4 := coalesce(p_anew, (
		select b.batch
		from tracker.stage s cross join lateral tracker.next_in_line(p_stage, 1, clock_timestamp(), s.line) b
		where s.stage = p_stage and s.needs is null));
begin
	if v_batch is not null then
		return query
			select * from tracker.claim_anew(p_stage, v_batch, w_tid, tokens, ages_us, calls, hints, ids, answer_limit, p_anew is null);
	end if;
end $$;
