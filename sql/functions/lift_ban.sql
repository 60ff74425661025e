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
	perform tracker.audit_act('unban', 'ban ' || of_ban, null, null);
	return true;
end $$;
