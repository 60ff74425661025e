-- Where workers come from: by address, those whose attempts end badly most often first.
--
-- Caller	distcompute-admin origins.
-- Answer	as list_labels. origin: the address (of IPv6 its /64), or '' where it is not known any more.
-- Errors	none.
-- Locks	none.
-- Index	none: reads all workers.
create or replace function tracker.list_origins()
returns table (origin text, present int8, workers int8, people int8, done int8, bad int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select coalesce(case family(w.address) when 4 then host(w.address)
			else network(set_masklen(w.address, 64))::text end, ''),
		count(*) filter (where w.gone_at is null), count(*), count(distinct coalesce(p.merged_into, p.id)),
		sum(w.done - coalesce(b.results, 0))::int8, sum(w.struck)::int8
	from tracker.worker w
	left join tracker.person p on p.id = w.person
	left join tracker.all_sent_back() b on b.worker = w.id
	group by 1
	order by sum(w.struck)::float8 / greatest(sum(w.done) - coalesce(sum(b.results), 0) + sum(w.struck), 1) desc, 1
$$;
