-- Who did what, earliest first.
--
-- Caller	distcompute-admin audit. after: the last line heard, 0 at first.
-- Answer	at most max_rows lines. told: what of the details people want to know, in words: of an undo whose results and of when,
--		of another act what it was changed to. Not what stands in target, nor what a line keeps for going on.
-- Errors	none.
-- Locks	none.
-- Index	audit by key.
drop function if exists tracker.list_audit(int8, int4);
create or replace function tracker.list_audit(after int8, max_rows int4)
returns table (id int8, at timestamptz, who text, act text, target text, count int8, details jsonb,
	state text, told text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select a.id, a.at, a.who, a.act, a.target, a.count, a.details, a.state, w.words
	from tracker.audit a
	cross join lateral (
		select string_agg(case
				when d.key = 'stage' then 'stage ' || upper(tracker.letter_of(d.value::text::int2))
				when d.key = 'keep_credit' then 'credit kept'
				when d.key = 'left' then 'jobs left ' || t.text
				when jsonb_typeof(d.value) = 'array' then replace(d.key, '_', ' ') || ' ' || (
					select string_agg(e.text, ', ' order by e.n) from jsonb_array_elements_text(d.value) with ordinality as e(text, n))
				else replace(d.key, '_', ' ') || ' ' || case when t.text = '' then '""' else t.text end end, ', '
				order by coalesce(array_position(array['person', 'worker', 'label', 'address', 'batch', 'stage', 'since', 'until',
					'keep_credit', 'jobs', 'left'], d.key), 99), d.key) as words
		from jsonb_each(a.details) d
		cross join lateral (select d.value #>> '{}' as text) t
		where d.key <> all (array['mark', 'cancelled', 'back', 'taken_back', 'undo'])
			and (d.key <> 'keep_credit' or d.value = 'true') and (d.key <> 'left' or a.state = 'cut short')
			and (d.key, a.act) not in (('person', 'merge people'), ('jobs', 'take back'))
			and t.text <> a.target) w
	where a.id > after order by a.id limit max_rows
$$;
