-- Refuses what an operator cannot say of a batch.
--
-- Caller	open_batch, set_batch. priority, note: null: nothing is said.
-- Answer	true.
-- Errors	TR003, with the reason in words.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.check_batch_says(p_priority int4, p_note text)
returns boolean
language plpgsql
immutable
as $$
begin
	if p_priority not between -100 and 100 then
		raise exception 'a priority is -100 to 100' using errcode = 'TR003';
	end if;
	return tracker.check_line('a note', p_note);
end $$;
