-- Notes an invitation to take a name.
--
-- Caller	distcompute-admin invite. hash: of its words; label: for whom.
-- Answer	until when it is good.
-- Errors	none.
-- Locks	none.
-- Index	invite by hash.
create or replace function tracker.add_invite(hash uuid, label text, days int4)
returns timestamptz
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_until constant timestamptz := clock_timestamp() + make_interval(days => days);
begin
	delete from tracker.invite i where i.until < clock_timestamp() - interval '90 days';
	insert into tracker.invite (hash, label, until)
	values (add_invite.hash, add_invite.label, v_until);
	perform tracker.audit_act('invite', '', 1, jsonb_build_object('label', add_invite.label));
	return v_until;
end $$;
