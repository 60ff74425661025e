-- The words of a mask, for people and for comparing.
--
-- Caller	read_work, join_words, read_batch_rows, set_batch, set_batch_needs.
-- Answer	words in alphabetical order, commas between; empty: none.
-- Errors	none.
-- Locks	none.
-- Index	none; word has 64 rows at most.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.mask_words(p_mask int8)
returns text
language sql
stable
as $$
	select coalesce(string_agg(w.word, ',' order by w.word), '')
	from tracker.word w where p_mask >> w.bit & 1 = 1
$$;
