-- Forgets from where workers came that are gone for so long; those of banned ones 30 days at the least.
--
-- Caller	run/keeper.c, once an hour.
-- Answer	how many, at most 10,000.
-- Errors	none.
-- Locks	worker; what somebody has at this moment is left for the next time.
-- Index	worker_address_known.
create or replace function tracker.forget_addresses(keep_s int8)
returns int8
language sql
set search_path = pg_catalog, pg_temp
as $$
	with f as materialized (
		select w.ctid as tid from tracker.worker w
		where w.address is not null and w.gone_at is not null
			and w.gone_at < clock_timestamp() - make_interval(secs => case w.gone_why
				when 'banned' then greatest(keep_s, 30 * 86400) else keep_s end)
		limit 10000
		for no key update skip locked),
	u as (
		update tracker.worker w set address = null
		where w.ctid = any (array(select f.tid from f))
		returning 1)
	select count(*) from u
$$;
