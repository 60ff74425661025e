-- The words of a mask in a sentence: eight of them, for a batch may need 64.
--
-- Caller	read_still.
-- Answer	words in alphabetical order, and how many there are besides; empty: none.
-- Errors	none.
-- Locks	none.
-- Index	none; see mask_words.
-- Source	in plpgsql because what it calls is put in place after it; runs under its caller's settings.
create or replace function tracker.join_words(p_mask int8)
returns text
language plpgsql
stable
as $$
declare
	c_told constant int4 := 8;
	v_words text[] := string_to_array(tracker.mask_words(p_mask), ',');
begin
	return array_to_string(v_words[1:c_told], ', ')
		|| case when cardinality(v_words) > c_told then format(' and %s more', cardinality(v_words) - c_told) else '' end;
end $$;
