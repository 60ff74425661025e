-- Acts that are long, and under way or broken off: what an operator would not know of whose terminal is gone. Of a purge nothing is
-- left half done.
--
-- Caller	distcompute-admin status.
-- Answer	a row an act, the earliest first. line: its number in audit; changed: its last step; jobs: how many are left, null when
--		that is not known. undo: what goes on is a step of this one, forward or (back) the taking back of it; person, into: or a
--		merge of these, by the names that they have now. Not one of somebody who was erased since: nothing of it would be seen.
-- Errors	none.
-- Locks	none.
-- Index	none: audit is read whole; person by key.
create or replace function tracker.list_begun()
returns table (line int8, act text, who text, changed timestamptz, jobs int8, undo int8, back boolean, person text, "into" text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select a.id, a.act, a.who, a.changed, (a.details ->> 'left')::int8,
		case a.act when 'undo' then a.id when 'take back' then (a.details ->> 'undo')::int8 end, a.act = 'take back',
		p.nickname, tracker.called(p.merged_into)
	from tracker.audit a
	left join tracker.person p
		on p.id = case a.act when 'merge people' then (a.details ->> 'person')::int8 end and not p.erased
	where a.state = 'begun' and (a.act in ('undo', 'take back') or p.id is not null)
	order by a.id
$$;
