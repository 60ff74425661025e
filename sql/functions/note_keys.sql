-- Notes that keys were used, to the hour.
--
-- Caller	open_workers.
-- Answer	none.
-- Errors	none.
-- Locks	person_key, those that nobody else has at this moment.
-- Index	person_key by hash.
create or replace function tracker.note_keys(keys uuid[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
	with k as materialized (
		select k.id from tracker.person_key k
		where k.hash = any (keys) and k.revoked is null
			and (k.used is null or k.used < clock_timestamp() - interval '1 hour')
		for no key update skip locked)
	update tracker.person_key k set used = clock_timestamp()
	where k.id = any (array(select k.id from k))
$$;
