-- Puts down what workers say that they have, and what they run, where it is something else than before. Who says that it
-- runs what is banned is gone, as if the ban had been made now.
--
-- Caller	domain/workers.c, with all syncs that say it. said: an item's words, small, each once, with
--		commas between; empty: nothing. labels: what it runs. Null: it says nothing of that. Who has brought
--		something keeps the label under which it did: by that it is found when the release was broken.
-- Answer	one row an item whose worker is present; none for the others. A row of item 0 for each that is gone
--		by this: of which item, and how many jobs it had.
-- Errors	none for one item.
-- Locks	the barrier's share, since words get their bits under all of it; ban, shared (see open_workers); worker
--		(by token); see end_workers.
-- Index	worker by token.
drop function if exists tracker.say_words(uuid[], text[]);
create or replace function tracker.say_words(tokens uuid[], said text[], labels text[] default '{}')
returns table (item int4, worker int8, stage int2, gone int4, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_labelled boolean := array_remove(labels, null) <> '{}';
	w_tid tid[]; w_item int4[];
	g_token uuid[];		-- who runs what is banned
begin
	if v_labelled then
		lock table tracker.ban in row exclusive mode;
	end if;
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
	if v_labelled then
		update tracker.worker w set label = case when l.is_new then l.label else w.label end,
			label_now = case when not l.is_new and l.label <> w.label then tracker.ban_hash(l.label) end
		from (
			select q.ctid as tid, labels[u.n] as label, q.done = 0 and q.struck = 0 as is_new
			from unnest(tokens) with ordinality as u(token, n)
			join tracker.worker q on q.token = u.token
			where q.gone_at is null and (labels[u.n] <> q.label
				or labels[u.n] is not null and q.label_now is not null)) l
		where w.ctid = l.tid;
		if exists (
				select from tracker.ban b where b.lifted is null and b.label is not null
					and (b.until is null or b.until > clock_timestamp())) then
			g_token := array(
				select tokens[u.n] from unnest(labels) with ordinality as u(label, n)
				where tracker.banned_words(null, null, u.label) is not null);
			return query
				select 0, e.worker, e.stage, array_position(tokens, e.token), e.freed
				from tracker.end_workers(g_token, 'banned', null) e;
		end if;
	end if;
	return query
		select u.n::int4, w.id, w.stage, null::int4, null::int4
		from unnest(tokens) with ordinality as u(token, n)
		cross join lateral (
			select q.id, q.stage, q.gone_at from tracker.worker q where q.token = u.token limit 1) w
		where w.gone_at is null;
end $$;
