-- What somebody who is banned hears; null for all others.
--
-- Caller	open_workers.
-- Answer	the words of the latest ban that holds.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname and id; none else: bans that hold are few.
create or replace function tracker.banned_words(of_nickname text, of_address inet, of_label text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select b.words from tracker.ban b
	where b.lifted is null and (b.until is null or b.until > clock_timestamp())
		and (b.person = of_nickname or b.person = (
				select q.nickname from tracker.person p
				join tracker.person q on q.id = p.merged_into
				where p.nickname = of_nickname) or b.address >>= of_address
			or lower(b.label) = lower(of_label))
	order by b.id desc
	limit 1
$$;
