-- Is it the turn of what is to be done anew? One bundle in eight has it whole, for it costs half as much again as fresh work, and
-- who works shall not notice an undo; and one in two when few ask, for nothing presses then. Whatever it says, where no fresh work
-- is left all get what is to be done anew.
--
-- Caller	claim_fresh. p_asking: how many; first_id: of the bundle's lease ids, which are random, though
--		in ascending order: so its last byte says whose turn it is.
-- Answer	yes or no.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
drop function if exists tracker.is_turn_of_anew(int2, int4, int4, uuid, int8[]);
create or replace function tracker.is_turn_of_anew(p_asking int4, first_id uuid)
returns boolean
language sql
immutable
as $$
	select get_byte(uuid_send(first_id), 15) < case when p_asking < 4 then 128 else 32 end
$$;
