-- The bans that hold, earliest first; or all that there ever were.
--
-- Caller	distcompute-admin bans.
-- Answer	whom: "person Mallory", "address 192.0.2.0/24", "label 1.4", "worker quiet-otter-12".
-- Errors	none.
-- Locks	none.
-- Index	ban is read whole.
create or replace function tracker.list_bans(with_past boolean)
returns table (ban int8, whom text, words text, created timestamptz, until timestamptz,
	lifted timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select b.id, coalesce('person ' || b.person, 'address ' || b.address::text, 'label ' || b.label,
		'worker ' || (select w.name from tracker.worker w where w.id = b.worker)),
		b.words, b.created, b.until, b.lifted
	from tracker.ban b
	where with_past
		or (b.lifted is null and (b.until is null or b.until > clock_timestamp()))
	order by b.id
$$;
