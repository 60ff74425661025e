-- Whether a strike's reason is somebody's words: a worker's, or who sent the job back. Others are the tracker's own.
--
-- Caller	erase_person. kind, chosen: as in strike.
-- Answer	true or false.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.is_said(kind text, chosen boolean)
returns boolean
language sql
immutable
as $$
	select chosen or kind in ('failed', 'flagged', 'requeued')
$$;
