-- Is it the turn of what is to be done anew? One bundle in four has it whole, for the first row of retry costs as much as the
-- next ten, and who works shall not notice an undo; and all bundles when there is no fresh work, or few ask: nothing presses then, and what
-- came back goes first.
--
-- Caller	claim_fresh. p_asking: how many; first_id: of the bundle's lease ids, which are random, though
--		in ascending order: so its last byte says whose turn it is. p_hints: see there.
-- Answer	yes or no; null: what is due longest is not to be done anew, or nothing is due.
-- Errors	none.
-- Locks	none.
-- Index	retry by (stage, batch, due); frontier and ahead by batch; ready's primary key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.is_turn_of_anew(p_stage int2, p_batch int4, p_asking int4, first_id uuid,
	p_hints int8[])
returns boolean
language plpgsql
stable
as $$
begin
	if (
		select t.lease is null from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due >= tracker.low_of(p_hints, p_stage)
			and t.due <= clock_timestamp()
		order by t.due limit 1) is not true then
		return null;
	elsif p_asking < 4 or get_byte(uuid_send(first_id), 15) < 64 then
		return true;
	elsif p_stage = 1 then
		return not exists (select from tracker.frontier f where f.batch = p_batch and f.next <= f.last)
			and not exists (select from tracker.ahead a where a.batch = p_batch);
	end if;
	return not exists (
		select from tracker.ready q
		where q.stage = p_stage and q.batch = p_batch
			and q.position > case when p_hints[5 + p_stage] = p_batch then p_hints[p_stage] else 0 end);
end $$;
