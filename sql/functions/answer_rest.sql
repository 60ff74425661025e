-- Answers those who asked for jobs and got none.
--
-- Caller	claim_held, claim_fleet, as their last step. p_asked: how many asked; w_*: those who are
--		present, w_room: see lock_claimants; p_told: the places in w_* of those who have their answer.
-- Answer	rows of their form: paused, none, full, unknown. job: what the worker has, as a mask; null: nothing.
--		attempt: how many of its words have no bit: no batch has needed them yet.
--		And rest: see claim_awake.
-- Errors	none.
-- Locks	none.
-- Index	stage by key; worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
drop function if exists tracker.answer_rest(int4, int4[], int8[], int2[], int4[]);
create or replace function tracker.answer_rest(p_asked int4, w_item int4[], w_worker int8[],
	w_stage int2[], w_room int4[], p_told int4[])
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language sql
stable
as $$
	select u.item, case when u.room < 0 then 'rest'
		when (select s.paused from tracker.stage s where s.stage = u.stage) then 'paused'
		when u.room = 0 then 'full' else 'none' end, u.worker, u.stage,
		case when u.room < 0 then -u.room
			else (select w.has from tracker.worker w where w.id = u.worker) end, null::uuid,
		(select case when u.room < 0 then w.bad_row + w.soft_row else coalesce(cardinality(w.words), 0) - bit_count(coalesce(w.has, 0)::bit(64))::int4 end
			from tracker.worker w where w.id = u.worker),
		null::text
	from unnest(w_item, w_worker, w_stage, w_room) with ordinality as u(item, worker, stage, room, pos)
	where u.pos <> all (p_told)
	union all
	select n::int4, 'unknown', null, null, null, null, null, null
	from generate_series(1, p_asked) n
	where n <> all (coalesce(w_item, '{}'))
$$;
