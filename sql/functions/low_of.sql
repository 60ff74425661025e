-- Since when what came back to a stage may be due: what was due before has been handed out, as far as is known. Its dead entries are
-- the head of the index until a vacuum, and every claim would walk past all of them: thousands, while what was undone is done anew.
--
-- Something may appear behind it, when it was made due at a time that is over. It is found within a second, for hints do not live
-- longer, and sooner when there is too little of other work: nobody is told that there is none without a look from the beginning.
--
-- Caller	claim_fresh, is_turn_of_anew, claim_anew, deal_stage. p_hints: see claim_fresh.
-- Answer	a time; -infinity: nothing is known.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.low_of(p_hints int8[], p_stage int2)
returns timestamptz
language sql
stable
as $$
	select coalesce(timestamptz 'epoch' + nullif(p_hints[10 + p_stage], 0) * interval '1 us', '-infinity')
$$;
