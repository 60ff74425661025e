-- Refuses what an operator cannot say, wherever it is kept and shown: a reason, a note, the words of a ban, a banner. One
-- line, of 200 characters at most (p_most, of what has room for more), all of which can be seen.
--
-- Caller	check_batch_says, pause_batch, cancel_batch, ban_strangers, undo_begin, send_back_job, take_lease,
--		set_banner. p_what: "a note"; p_said null: nothing is said.
-- Answer	true.
-- Errors	TR003, with the reason in words.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings. A joiner stays, for names and emoji are written with it; the programs look
--		closer (text_clean).
drop function if exists tracker.check_line(text, text);
create or replace function tracker.check_line(p_what text, p_said text, p_most int4 default 200)
returns boolean
language plpgsql
immutable
as $$
begin
	if length(p_said) > p_most
		or p_said ~ '[\u0001-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]' then
		raise exception '% is one line of at most % characters, and each can be seen', p_what, p_most
			using errcode = 'TR003';
	end if;
	return true;
end $$;
