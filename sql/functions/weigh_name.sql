-- Where a person's names stand that an erasure leaves: in names of batches and stages, which are the operator's to change
-- before; short names as words of what others wrote; and who acted for the project under such a name. And what it changes
-- that others may look for: what their workers are said to run.
--
-- Caller	distcompute-admin person erase, before it is asked for.
-- Answer	a row a batch, a stage, a name of theirs that is short, and one as which somebody acted: kind, which one, and how
--		many. Of a name of fewer than three characters (kind name) texts that have it as a word; of another short one
--		(case) those that have it as a word in another case of its letters, where there are any; of a long one (long) those that
--		have it, and where it is replaced; others' workers whose label has it (label); lines of audit (acts). Of
--		a stage's former names those go by themselves that have it as a word.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; texts are read whole, when a name is short; audit is read whole.
create or replace function tracker.weigh_name(of_person text)
returns table (kind text, which text, texts int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	with n as materialized (
		select p.nickname as name, case when octet_length(p.nickname) >= 6 then 'long'
				when char_length(p.nickname) < 3 then 'name' else 'case' end as kind,
			case when octet_length(p.nickname) >= 6 then tracker.any_form(p.nickname)
				else tracker.as_word(p.nickname) end as sought,
			tracker.as_word(p.nickname) as word
		from tracker.person p
		where p.id in (select tracker.ids_of_person(of_person)) and not p.erased)
	select 'batch', b.name, null::int8 from tracker.batch b where exists (
		select from n where b.name ~ n.sought or b.name collate "und-x-icu" ~* n.word)
	union all
	select 'stage', s.name, null from tracker.stage s where exists (
		select from n where s.name ~ n.sought or s.name collate "und-x-icu" ~* n.word)
	union all
	select * from (
		select n.kind, n.name, (
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
			where tracker.has_name(x.said, n.name, true) and x.said <> n.name
				and (n.kind = 'long' or x.said collate "und-x-icu" ~* n.word
					and (n.kind = 'name' or regexp_replace(x.said, n.word, '', 'g') collate "und-x-icu" ~* n.word))) as texts
		from n) x
	where x.kind = 'name' or x.texts > 0
	union all
	select * from (
		select 'label', n.name, (
			select count(*) from tracker.worker w
			where w.label <> '' and not (w.person = any (array(select tracker.ids_of_person(of_person))))
				and case n.kind when 'name' then w.label = n.name when 'case' then w.label ~ n.word
					else w.label ~ n.sought or w.label collate "und-x-icu" ~* n.word end) as texts
		from n) x
	where x.texts > 0
	union all
	select 'acts', n.name, count(*) from n join tracker.audit a on a.who = n.name group by n.name
$$;
