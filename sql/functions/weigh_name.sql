-- Where a person's names stand that an erasure leaves: in names of batches and stages, which are the operator's to change
-- before; and names of fewer than three characters as words of what others wrote.
--
-- Caller	distcompute-admin person erase, before it is asked for.
-- Answer	a row a batch, a stage, and a name of theirs that is short: kind, which one, and of a short name how many
--		texts have it as a word. Of a stage's former names those go by themselves that have it as a word.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; texts are read whole, when a name is short.
create or replace function tracker.weigh_name(of_person text)
returns table (kind text, which text, texts int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	with n as materialized (
		select p.nickname as name, char_length(p.nickname) < 3 and octet_length(p.nickname) < 6 as is_short,
			case when octet_length(p.nickname) >= 6 then regexp_replace(p.nickname, '([^[:alnum:]])', '\\\1', 'g')
				else tracker.as_word(p.nickname) end as sought,
			tracker.as_word(p.nickname) as word
		from tracker.person p
		where p.id in (select tracker.ids_of_person(of_person)) and not p.erased)
	select 'batch', b.name, null::int8 from tracker.batch b where exists (select from n where b.name ~ n.sought)
	union all
	select 'stage', s.name, null from tracker.stage s where exists (select from n where s.name ~ n.sought)
	union all
	select 'name', n.name, (
		select count(*) from (
			select s.reason as said from tracker.strike s
			union all select r.reason from tracker.refused_output r
			union all select f.reason from tracker.failed f
			union all select w.label from tracker.worker w
			union all select concat_ws(' ', b.words, b.label) from tracker.ban b
			union all select concat_ws(' ', b.note, b.paused_why) from tracker.batch b
			union all select p.banner from tracker.project p
			union all select i.label from tracker.invite i
			union all select k.label from tracker.person_key k
			union all select t.said from tracker.trial t where t.state in ('failed', 'flagged', 'released')
			union all select concat_ws(' ', a.target, a.details::text) from tracker.audit a) x
		where strpos(x.said, n.name) > 0 and x.said <> n.name and x.said ~ n.word)
	from n where n.is_short
$$;
