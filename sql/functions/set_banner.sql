-- Puts a banner on every page, instead of the setting of that name; '' takes it away.
--
-- Caller	distcompute-admin banner.
-- Answer	the one before.
-- Errors	TR002: it is no line of at most 1000 characters.
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
	if words is null or length(words) > 1000 or words ~ '[[:cntrl:]]' then
		raise exception 'a banner is one line of at most 1000 characters' using errcode = 'TR002';
	end if;
	select p.banner into v_before from tracker.project p for no key update;
	if v_before is distinct from words then
		update tracker.project p set banner = words;
		perform tracker.audit_act('banner', words, 1, jsonb_build_object('before', v_before));
	end if;
	return v_before;
end $$;
