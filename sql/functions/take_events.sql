-- What has come about since it was asked last, or is over: each is told once, however many keepers there were.
--
-- Caller	run/keeper.c, every few seconds where on_event is set.
-- Answer	one row each, oldest first: event; details as one JSON object, with event, at and the project. Of an act that took
--		long `at` is when it was over: it is news for an hour from then.
-- Errors	none.
-- Locks	rows of event, and of audit where they were not told yet. Only who leads asks.
-- Index	event by key; audit_untold.
-- Source	who asks for the first time hears nothing of what was so before. What a worker said is not kept. Acts are marked one by one, for a
--		line with a lower number may be committed later.
create or replace function tracker.take_events()
returns table (event text, details text)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	c_acts constant int4 := 100;
	v_began boolean := exists (select from tracker.event q where q.key = '');
	v_project jsonb := (select jsonb_build_object('project', p.id) from tracker.project p);
begin
	return query
	with now_so as materialized (
		select * from tracker.list_conditions()
	), over as (
		delete from tracker.event e
		where e.key <> '' and not exists (select from now_so n where n.key = e.key)
		returning e.over, e.details, e.told, clock_timestamp() as at
	), come as (
		insert into tracker.event as e (key, event, over, details, told)
		select n.key, n.event, n.over, n.details - 'reason', n.hold_s = 0 or not v_began
		from now_so n
		where not exists (select from tracker.event q where q.key = n.key)
		returning e.key, e.told, e.since as at
	), lasted as (
		update tracker.event e set told = true
		from now_so n
		where e.key = n.key and not e.told and e.since < clock_timestamp() - make_interval(secs => n.hold_s)
		returning e.key, clock_timestamp() as at
	), acts as (
		update tracker.audit a set told = true
		from (select q.id from tracker.audit q where not q.told and q.state <> 'begun'
			order by q.id limit c_acts for update skip locked) u
		where a.id = u.id
		returning 'act' as event, jsonb_build_object('audit', a.id, 'who', a.who, 'act', a.act,
			'target', a.target, 'count', a.count, 'state', a.state, 'details', a.details) as details, a.changed as at
	)
	select t.event, (v_project || t.details || jsonb_build_object('event', t.event,
		'at', to_char(t.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))::text
	from (
		select o.over as event, o.details, o.at from over o where o.told and o.over <> ''
		union all select n.event, n.details, c.at from come c join now_so n on n.key = c.key where c.told
		union all select n.event, n.details, l.at from lasted l join now_so n on n.key = l.key
		union all select a.event, a.details, a.at from acts a
			where a.at > clock_timestamp() - interval '1 hour') t
	where v_began
	order by t.at;
	if not v_began then
		insert into tracker.event (key, event, over, details, told) values ('', '', '', '{}', true)
		on conflict do nothing;
	end if;
end $$;
