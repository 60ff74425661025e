-- Whether a strike is the end of an attempt that its worker, or the work, is to blame for: it failed, was abandoned
-- or flagged, or its worker let it go by its own choice. Silence is nobody's fault, nor is a bye or a drop.
--
-- Caller	read_bad_ends, count_newcomers. kind, chosen: as in strike.
-- Answer	true or false.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
create or replace function tracker.is_bad_end(kind text, chosen boolean)
returns boolean
language sql
immutable
as $$
	select $1 in ('failed', 'abandoned', 'flagged') or ($1 = 'released' and $2)
$$;
