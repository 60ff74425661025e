-- The bits of words.
--
-- Caller	open_workers, say_words, set_batch_needs.
-- Answer	a mask; words that no batch needs have none.
-- Errors	none.
-- Locks	none.
-- Index	word by word.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.mask_of(p_words text[])
returns int8
language sql
stable
as $$
	select coalesce(bit_or(1::int8 << w.bit), 0) from tracker.word w where w.word = any (p_words)
$$;
