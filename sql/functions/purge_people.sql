-- Deletes people who left no trace: no result ever, no key, no worker, nobody else's other name.
--
-- Caller	purge_old, with the people of workers that are purged.
-- Answer	nothing.
-- Errors	none.
-- Locks	ban, against registrations, which make workers of people whom they find; then rows that go.
-- Index	person, look by key; worker_person, refused_output_person, person_merged; credit by key.
-- Source	runs under its caller's settings.
create or replace function tracker.purge_people(people int8[])
returns void
language plpgsql
as $$
declare
	v_gone int8[];
begin
	lock table tracker.ban in share row exclusive mode;
	with d as (
		delete from tracker.person p
		where p.id = any (people) and p.done = 0 and p.withdrawn = 0 and p.claimed is null and p.merged_into is null
			and not p.hidden and not p.erased
			and not exists (select from tracker.worker w where w.person = p.id)
			and not exists (select from tracker.person q where q.merged_into = p.id)
			and not exists (select from tracker.refused_output r where r.person = p.id)
			and not exists (select from tracker.credit c where c.person = p.id)
			and not exists (select from tracker.person_key k where k.person = p.id)
			and not exists (select from tracker.invite i where i.person = p.id)
		returning p.id)
	select array_agg(d.id) into v_gone from d;
	delete from tracker.look l where l.person = any (v_gone);
end $$;
