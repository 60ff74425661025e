-- Trials, the latest last.
--
-- Caller	distcompute-admin trials. max_rows: at most so many, the latest.
-- Answer	a row a trial. state: as in the table, or gone: its worker went before it was over. same: bytes of
--		the result that was known; said: the reason, or the other result.
-- Errors	none.
-- Locks	none.
-- Index	trial by key; worker by id.
create or replace function tracker.list_trials(max_rows int4)
returns table (trial int8, asked timestamptz, stage int2, worker text, person text, job int8, state text,
	ended timestamptz, known int8, said text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select t.id, t.asked, t.stage, coalesce(w.name, '?'), tracker.called(w.person), t.job,
		case when t.state in ('waiting', 'given') and (w.id is null or w.gone_at is not null) then 'gone'
			else t.state end,
		t.ended, octet_length(t.known)::int8, coalesce(t.said, '')
	from (select q.* from tracker.trial q order by q.id desc limit max_rows) t
	left join tracker.worker w on w.id = t.worker
	order by t.id
$$;
