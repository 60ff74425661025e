-- A time in the words that pages have for one that is left: "2 h 5 min".
--
-- Caller	list_batches.
-- Answer	text; null of null.
-- Units	seconds.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	pieces_span in fcgi/web/pieces.c, which pages use; a test compares.
create or replace function tracker.span_text(s int8)
returns text
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $$
	select case when s < 60 then s || ' s'
		when s < 600 and s % 60 <> 0 then s / 60 || ' min ' || s % 60 || ' s'
		when s < 3600 then s / 60 || ' min'
		when s < 86400 and s % 3600 >= 60 then s / 3600 || ' h ' || s % 3600 / 60 || ' min'
		when s < 86400 then s / 3600 || ' h'
		when s < 172800 then '1 day'
		when s < 63115200 then s / 86400 || ' days'
		when s < 31557600000 then s / 31557600 || ' years'
		else '1,000 years and more' end
$$;
