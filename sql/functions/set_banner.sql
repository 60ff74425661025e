-- Puts a banner on every page, instead of the setting of that name; '' takes it away.
--
-- Caller	distcompute-admin banner.
-- Answer	the one before.
-- Errors	TR003: it is null, or see check_line; of at most 1000 characters.
-- Locks	project's row.
-- Index	project by key.
create or replace function tracker.set_banner(words text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_before text;
begin
	if words is null then
		raise exception 'a banner is a line, or empty' using errcode = 'TR003';
	end if;
	perform tracker.check_line('a banner', words, 1000);
	select p.banner into v_before from tracker.project p for no key update;
	if v_before is distinct from words then
		update tracker.project p set banner = words;
		perform tracker.audit_act('banner', words, 1, jsonb_build_object('before', v_before));
	end if;
	return v_before;
end $$;
