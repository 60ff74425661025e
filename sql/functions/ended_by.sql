-- Whether a result was there at a moment (mark_export).
--
-- Caller	export_jobs, export_news.
-- Answer	true or false. maker is the row's xmin, the lower 32 bits of a transaction's
--		number; the bounds keep it within 2^31 of the snapshot, where the upper bits are
--		known.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	complete_jobs has no subtransactions: the number of one would look finished too
--		early.
create or replace function tracker.ended_by(maker xid, finished timestamptz, snapshot pg_snapshot,
	since timestamptz, till timestamptz)
returns boolean
language sql
stable
parallel safe
begin atomic
	select finished < since or (finished <= till and pg_visible_in_snapshot((
		pg_snapshot_xmax(snapshot)::text::bigint - 2147483648 + (4294967295 & (
			maker::text::bigint - pg_snapshot_xmax(snapshot)::text::bigint + 2147483648))
		)::text::xid8, snapshot));
end;
