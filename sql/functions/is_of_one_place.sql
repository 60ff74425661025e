-- Whether everybody who works, or did lately, or ever brought results under a name did it from the network of this
-- worker: then it may well be one person. A worker of whom it is not known where it came from is another one than all others.
--
-- Caller	sign_up. of_token: the hash of a token, of a worker of that person.
-- Answer	false also when there are results and nobody is known who brought them.
-- Errors	none.
-- Locks	none.
-- Index	worker by token, worker_person; person by id.
create or replace function tracker.is_of_one_place(of_person int8, of_token uuid)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select not exists (
			select from tracker.worker w
			where w.person = of_person and w.id <> t.id
				and (w.gone_at is null or w.done > 0 or w.seen > clock_timestamp() - interval '30 days')
				and (w.network = t.network) is not true)
		and (p.done = 0 or exists (
			select from tracker.worker w where w.person = of_person and w.done > 0))
	from tracker.worker t, tracker.person p
	where t.token = of_token and p.id = of_person
$$;
