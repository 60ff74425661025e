-- What somebody who is banned hears; null for all others.
--
-- A ban of a person holds for all of their names: the one of now, those of before, and those of who was merged
-- into them.
--
-- Caller	open_workers; say_words; sign_up; own_rename; merge_people; distcompute-admin person.
-- Answer	the words of the latest ban that holds, and until when, where that is known.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname and id, person_merged; none else: bans that hold are few.
create or replace function tracker.banned_words(of_nickname text, of_address inet, of_label text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	with one as materialized (
		select coalesce(p.merged_into, p.id) as id from tracker.person p where p.nickname = of_nickname)
	select b.words || coalesce(to_char(b.until at time zone 'UTC', '" (until "YYYY-MM-DD HH24:MI" UTC)"'), '')
	from tracker.ban b
	where b.lifted is null and (b.until is null or b.until > clock_timestamp())
		and (b.person = of_nickname
			or b.person = any (array(
				select q.nickname from one join tracker.person q on q.id = one.id
				union all
				select q.nickname from one join tracker.person q on q.merged_into = one.id))
			or b.address >>= of_address
			or lower(b.label) = lower(of_label)
			or b.label_hash is not null and b.label_hash = tracker.ban_hash(of_label))
	order by b.id desc
	limit 1
$$;
