-- Puts people's rows of the boards as their days have them, or takes them off: who is hidden has none.
--
-- Caller	merge_people, hide_person, erase_person, which keep fold_credit away.
-- Answer	nothing.
-- Errors	none.
-- Locks	board.
-- Index	board and person_day by person.
-- Source	runs under its caller's settings.
create or replace function tracker.settle_board(people int8[])
returns void
language sql
as $$
	delete from tracker.board b where b.person = any (people);
	insert into tracker.board (person, today, week)
	select d.person, coalesce(sum(d.done - d.withdrawn) filter (where d.day = y.day), 0)::int8,
		sum(d.done - d.withdrawn)::int8
	from tracker.person_day d
	join tracker.board_day y on d.day > y.day - 7
	join tracker.person p on p.id = d.person and not p.hidden
	where d.person = any (people)
	group by d.person
$$;
