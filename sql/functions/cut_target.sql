-- What an act was done to, as audit has it: the words that say what kind of thing it is, and which one.
--
-- Caller	erase_person.
-- Answer	head and tail, which together are the text. Of what has a number or a letter the tail is empty.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings. The heads are those that audit_act is called with.
create or replace function tracker.cut_target(target text, out head text, out tail text)
language sql
immutable
as $$
	select x.head, substr(target, length(x.head) + 1)
	from (select coalesce(substring(target from
		'^(?:person |label |batch "|(?:(?:worker )?\S+ of stage [A-Ea-e]|stage [A-Ea-e]|all jobs|jobs? \d.*|\d+ jobs, .*|(?:ban|undo|trial) \d+)$)'), '')
		as head) x
$$;
