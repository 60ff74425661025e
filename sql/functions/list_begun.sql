-- Acts that are long, and under way or broken off: what an operator would not know of whose terminal is gone. Of a purge nothing is
-- left half done.
--
-- Caller	distcompute-admin status.
-- Answer	a row an act, the earliest first. line: its number in audit; changed: its last step; jobs: how many are left, null when
--		that is not known. undo: what goes on is a step of this one, forward or (back) the taking back of it; person, into: or a
--		merge of these.
-- Errors	none.
-- Locks	none.
-- Index	none: audit is read whole.
create or replace function tracker.list_begun()
returns table (line int8, act text, who text, changed timestamptz, jobs int8, undo int8, back boolean, person text, "into" text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select a.id, a.act, a.who, a.changed, (a.details ->> 'left')::int8,
		case a.act when 'undo' then a.id when 'take back' then (a.details ->> 'undo')::int8 end, a.act = 'take back',
		case when a.act = 'merge people' then a.target end, case when a.act = 'merge people' then a.details ->> 'into' end
	from tracker.audit a where a.state = 'begun' and a.act in ('undo', 'take back', 'merge people') order by a.id
$$;
