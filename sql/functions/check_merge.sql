-- Refuses what may not be made one.
--
-- Caller	merge_people; distcompute-admin person merge, before it is asked for.
-- Answer	none.
-- Errors	TR002: no such person, the same one, merged already, or one of the two is banned and the other is not.
-- Locks	none.
-- Index	person by nickname; see banned_words.
create or replace function tracker.check_merge(of_person text, into_person text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_into int8 := tracker.find_person(into_person);
	p tracker.person;
begin
	select x.* into p from tracker.person x where x.nickname = of_person;
	if p.id is null or v_into is null or p.erased
		or exists (select from tracker.person x where x.id = v_into and x.erased) then
		raise exception 'there is no such person' using errcode = 'TR002';
	end if;
	if p.merged_into is not null or p.id = v_into then
		raise exception 'they are one person already' using errcode = 'TR002';
	end if;

	-- One person is banned as a whole, machines that work included, or not at all.
	if (tracker.banned_words(of_person, null, null) is null)
		<> (tracker.banned_words(into_person, null, null) is null) then
		raise exception 'one of them is banned and the other is not: ban both, or lift the ban, before they are one'
			using errcode = 'TR002';
	end if;
end $$;
