-- Whether a claim may look on behind those of a line that it has tried in vain: once a second, by connection.
--
-- Caller	next_in_line, deal_gated.
-- Answer	true once, then false for a second.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work. A time that is far
--		off is of a clock that was set back.
create or replace function tracker.may_look_on(p_stage int2)
returns boolean
language plpgsql
as $$
declare
	v_now timestamptz := clock_timestamp();
	v_after text := current_setting('tracker.look_on_' || p_stage, true);
begin
	if v_after <> '' and v_now < v_after::timestamptz
		and v_after::timestamptz < v_now + interval '2 seconds' then
		return false;
	end if;
	perform set_config('tracker.look_on_' || p_stage, (v_now + interval '1 second')::text, false);
	return true;
end $$;
