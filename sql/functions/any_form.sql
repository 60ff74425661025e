-- What finds a name wherever it stands. A letter that has another form besides its capital, as a sigma at the end of a word has, is
-- found in each, for regular expressions know of capitals alone.
--
-- Caller	as_word, weigh_name.
-- Answer	a regular expression.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings. The forms: has_name has them, too; CaseFolding.txt of Unicode.
create or replace function tracker.any_form(name text)
returns text
language sql
immutable
as $$
	select coalesce(string_agg(coalesce((
			select '[' || f.forms || ']'
			from unnest('{σςΣ,βϐΒ,θϑΘϴ,κϰΚ,πϖΠ,ρϱΡ,φϕΦ,εϵΕ,µμΜ}'::text[]) as f(forms)
			where strpos(f.forms, c.one) > 0), regexp_replace(c.one, '([^[:alnum:]])', '\\\1')), '' order by c.n), '')
	from regexp_split_to_table(name, '') with ordinality as c(one, n)
$$;
