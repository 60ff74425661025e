-- Notes that workers can be heard now. Was the last such note too long ago, nobody could be heard in
-- between: that time, and grace_s after it, is forgiven.
--
-- Caller	run/keeper.c, several times a second at best, only while everything works.
-- Answer	for how many seconds nobody was heard; 0 as a rule.
-- Errors	none.
-- Locks	the row of hearing.
-- Index	hearing by key; deaf is read whole, it has a row an outage.
-- Source	a clock that was put forward, and a machine that slept, look like an outage and are
--		one. One that was put back makes the future of what was noted: it is made now.
create or replace function tracker.hear(gap_s int4, grace_s int4)
returns float8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_now timestamptz := clock_timestamp();
	v_last timestamptz;
begin
	insert into tracker.hearing (at) values (v_now) on conflict do nothing;
	select h.at into v_last from tracker.hearing h for no key update;
	update tracker.hearing set at = v_now;
	if v_last > v_now then
		update tracker.worker set seen = v_now where gone_at is null and seen > v_now;
		update tracker.deaf set ended = v_now where ended > v_now;
		delete from tracker.deaf where began >= ended;
	elsif v_last < v_now - make_interval(secs => gap_s) then
		insert into tracker.deaf (began, ended)
		values (v_last, v_now + make_interval(secs => grace_s));
		-- No time-out may be longer than a year.
		delete from tracker.deaf where ended < v_now - interval '400 days';
		return extract(epoch from v_now - v_last);
	end if;
	return 0;
end $$;
