-- A time that is left, rounded to what is known of it: of eight minutes that may be two or eighty no seconds are told.
--
-- Caller	read_eta, read_batch_rows.
-- Answer	seconds, a multiple of the longest step that is no more than a quarter of what it may be off by, and than
--		half of it; null of null.
-- Units	seconds. high_s null: nobody knows an end.
-- Errors	none.
-- Locks	none.
-- Index	none.
create or replace function tracker.as_known(eta_s int8, low_s int8, high_s int8)
returns int8
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
	select (eta_s + s.step / 2) / s.step * s.step
	from (
		select coalesce(max(x.step), 1) as step
		from unnest(array[5, 10, 30, 60, 300, 600, 1800, 3600, 21600, 86400]::int8[]) as x(step)
		where x.step <= least(eta_s / 2, coalesce((high_s - low_s) / 4, eta_s))) s
$$;
