-- Puts down what workers say that they have, and what they run, where it is something else than before.
--
-- Caller	domain/workers.c, with all syncs that say it. said: an item's words, small, each once, with
--		commas between; empty: nothing. labels: what it runs. Null: it says nothing of that. Who has brought
--		something keeps the label under which it did: by that it is found when the release was broken.
-- Answer	one row an item whose worker is present; none for the others.
-- Errors	none for one item.
-- Locks	the barrier's share, since words get their bits under all of it; worker (by token).
-- Index	worker by token.
drop function if exists tracker.say_words(uuid[], text[]);
create or replace function tracker.say_words(tokens uuid[], said text[], labels text[] default '{}')
returns table (item int4, worker int8, stage int2)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	w_tid tid[]; w_item int4[];
begin
	select array_agg(l.tid), array_agg(l.item) into w_tid, w_item
	from (
		select u.n::int4 as item, w.tid, w.gone_at
		from (
			select n.token, n.n from unnest(tokens) with ordinality as n(token, n)
			where n.token is not null order by n.token) u
		cross join lateral (
			select q.ctid as tid, q.gone_at from tracker.worker q
			where q.token = u.token offset 0
			for no key update) w) l
	where l.gone_at is null;
	update tracker.worker w
	set words = string_to_array(nullif(said[u.item], ''), ','),
		has = nullif(tracker.mask_of(string_to_array(said[u.item], ',')), 0)
	from unnest(w_tid, w_item) as u(tid, item)
	where w.ctid = u.tid and said[u.item] is not null
		and w.words is distinct from string_to_array(nullif(said[u.item], ''), ',');
	if array_remove(labels, null) <> '{}' then
		update tracker.worker w set label = labels[u.n]
		from unnest(tokens) with ordinality as u(token, n)
		where w.token = u.token and w.gone_at is null and w.label <> labels[u.n]
			and w.done = 0 and w.struck = 0;
	end if;
	return query
		select u.n::int4, w.id, w.stage
		from unnest(tokens) with ordinality as u(token, n)
		cross join lateral (
			select q.id, q.stage, q.gone_at from tracker.worker q where q.token = u.token limit 1) w
		where w.gone_at is null;
end $$;
