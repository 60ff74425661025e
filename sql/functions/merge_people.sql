-- Makes two people one: of_person's totals, days and name are into_person's from now on. merge_step then
-- moves workers and refused results; live results keep who made them (see called).
--
-- Caller	distcompute-admin person merge; once more after a crash.
-- Answer	the line's number in audit.
-- Errors	TR002: see check_merge.
-- Locks	registrations (see open_workers); fold_credit's; people; person_day, person_hour and boards.
-- Index	person by nickname; person_merged; person_day and person_hour by person.
create or replace function tracker.merge_people(of_person text, into_person text)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_into int8 := tracker.find_person(into_person);
	v_both int8[];
	v_hours timestamptz[];
	v_done int8[];
	v_last timestamptz[];
	v_line int8;
	p tracker.person;
begin
	lock table tracker.ban in share row exclusive mode;
	select x.* into p from tracker.person x where x.nickname = of_person;
	if p.merged_into = v_into then
		select a.id into v_line from tracker.audit a
		where a.act = 'merge people' and a.state = 'begun' and a.details ->> 'person' = p.id::text;
		if found then
			return v_line;
		end if;
	end if;
	perform tracker.check_merge(of_person, into_person);

	perform pg_advisory_xact_lock(hashtext('tracker.fold_credit'));
	v_both := array[p.id, v_into];
	perform from tracker.person x where x.id = any (v_both) order by x.id for no key update;
	update tracker.person x set merged_into = v_into where x.id = p.id or x.merged_into = p.id;

	-- What the days' triggers do to hours is put right after them.
	select array_agg(y.hour), array_agg(y.done), array_agg(y.last) into v_hours, v_done, v_last
	from (
		select h.hour, sum(h.done)::int8 as done, max(h.last) as last
		from tracker.person_hour h where h.person = any (v_both) group by h.hour) y;
	with d as (
		delete from tracker.person_day y where y.person = p.id returning y.*)
	insert into tracker.person_day as y (person, day, stage, done, withdrawn, kept)
	select v_into, d.day, d.stage, d.done, d.withdrawn, d.kept from d
	on conflict (person, day, stage) do update set done = y.done + excluded.done,
		withdrawn = y.withdrawn + excluded.withdrawn, kept = y.kept + excluded.kept;
	delete from tracker.person_hour h where h.person = any (v_both);
	insert into tracker.person_hour (person, hour, done, last)
	select v_into, u.hour, u.done, u.last from unnest(v_hours, v_done, v_last) as u(hour, done, last);
	-- What was folded since the person was read is theirs, too.
	select x.* into p from tracker.person x where x.id = p.id;
	update tracker.person x set done = x.done + p.done, withdrawn = x.withdrawn + p.withdrawn,
		kept = x.kept + p.kept, created = least(x.created, p.created)
	where x.id = v_into;
	update tracker.person x set done = 0, withdrawn = 0, kept = 0 where x.id = p.id;
	perform tracker.settle_board(v_both);
	return tracker.audit_act('merge people', of_person, 0,
		jsonb_build_object('into', tracker.called(v_into), 'person', p.id), 'begun');
end $$;
