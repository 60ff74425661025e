-- A label's hash, whatever its case: a ban goes by it when the label itself may not be kept.
--
-- Caller	banned_words; erase_person.
-- Answer	32 bytes, with the project's secret in them; null for null.
-- Errors	none.
-- Locks	none.
-- Index	none; project has one row.
create or replace function tracker.ban_hash(label text)
returns bytea
language sql
stable
strict
set search_path = pg_catalog, pg_temp
as $$
	select sha256(p.secret || convert_to(lower(label), 'UTF8')) from tracker.project p
$$;
