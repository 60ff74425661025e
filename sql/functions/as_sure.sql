-- How far a time may be off that is told from a pace, when that was measured by so many results: bounds that hold
-- four times of five, if these come one by one and by chance.
--
-- Caller	read_eta, read_batch_rows.
-- Answer	factors of the time; of one result 0.26 and 10, of a hundred 0.88 and 1.15.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	the Wilson-Hilferty approximation of the exact bounds of a count, which are quantiles of a gamma distribution.
create or replace function tracker.as_sure(results int8, out low float8, out high float8)
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
	select n.n / ((n.n + 1) * power(1 - 1 / (9 * (n.n + 1)) + 1.2816 / (3 * sqrt(n.n + 1)), 3)),
		1 / power(1 - 1 / (9 * n.n) - 1.2816 / (3 * sqrt(n.n)), 3)
	from (select greatest(1, results)::float8 as n) n
$$;
