-- Ends a ban before its time.
--
-- Caller	distcompute-admin unban.
-- Answer	false when there is no such ban, or it is over.
-- Errors	none.
-- Locks	the ban's row.
-- Index	ban by key.
create or replace function tracker.lift_ban(of_ban int8)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	update tracker.ban b set lifted = clock_timestamp()
	where b.id = of_ban and b.lifted is null and (b.until is null or b.until > clock_timestamp());
	if not found then
		return false;
	end if;
	perform tracker.audit_act('unban', 'ban ' || of_ban, null, (
		select jsonb_strip_nulls(jsonb_build_object('person', b.person, 'address', b.address, 'label', b.label, 'worker', w.name))
		from tracker.ban b left join tracker.worker w on w.id = b.worker where b.id = of_ban));
	return true;
end $$;
