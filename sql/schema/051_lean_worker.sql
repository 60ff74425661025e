-- Two things on a worker's row that every result paid for, in instructions of PostgreSQL's: a check
-- (33,000 a call, for it is read and built anew each time) and an array (9,500 a result). And room:
-- while somebody holds a snapshot no version of a row can go, so pages fill, and an update that must
-- go to another page has five indexes to tell.

alter table tracker.worker set (fillfactor = 30);

-- Who writes gone_why is end_workers alone, with a word of ours.
alter table tracker.worker drop constraint worker_gone_why_check;

-- Its last ten results, newest first: eight bytes each, as int8send makes them.
create function tracker.pack_recent(jobs bigint[])
returns bytea language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce(string_agg(int8send(u.job), '' order by u.n), '')
	from unnest(jobs) with ordinality as u(job, n)
$$;
alter table tracker.worker alter column recent drop default;
alter table tracker.worker alter column recent type bytea using tracker.pack_recent(recent);
alter table tracker.worker alter column recent set default '';
drop function tracker.pack_recent(bigint[]);
