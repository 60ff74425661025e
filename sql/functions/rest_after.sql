-- How long a worker rests after so many bad ends in a row: 2 s after two, doubling, up to an hour; after fifty
-- eight hours. One failure alone costs no rest: it is the input's fault as often, and a call that brings results
-- with it has no order in which they ended it. Flags, and jobs that it let go by its own choice, count from the
-- third on. Time-outs do not: who was silent has been at rest, and a site without power comes back with good results.
--
-- Caller	give_back, spare_rest. bad_row, soft_row: as in its row.
-- Answer	0 or more.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
create or replace function tracker.rest_after(bad_row int4, soft_row int4)
returns interval
language sql
immutable
as $$
	select case when $1 <= 1 and $2 <= 2 then interval '0'
		when $1 + greatest($2 - 2, 0) >= 50 then interval '8 hours'
		else make_interval(secs => least(power(2::float8, $1 + greatest($2 - 2, 0) - 1), 3600)) end
$$;
