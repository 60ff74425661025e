-- Whose turn it is when there is too little for all: who has waited longest comes first.
--
-- Caller	claim_fresh, claim_anew. ages_us: how long each has waited; p_found: how many there are.
-- Answer	by item, its place.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.turns_of(ages_us int8[], p_found int4)
returns int4[]
language plpgsql
immutable
as $$
begin
	return array(
		select u.turn from (
			select g.n, row_number() over (order by ages_us[g.n] desc, g.n)::int4 as turn
			from generate_series(1, p_found) as g(n)) u
		order by u.n);
end $$;
