-- Writes down an act of an operator, in the transaction that does it.
--
-- Caller	every function that an operator calls. Who it is: see acting.
-- Answer	the line's number.
-- Errors	none.
-- Locks	none but its own row.
-- Index	none.
create or replace function tracker.audit_act(act text, target text, count int8, details jsonb,
	state text default 'done')
returns int8
language sql
set search_path = pg_catalog, pg_temp
as $$
	insert into tracker.audit (who, act, target, count, details, state)
	values (tracker.acting(), act,
		coalesce(target, ''), coalesce(count, 0), coalesce(details, '{}'), state)
	returning id
$$;
