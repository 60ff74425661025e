-- Erases somebody who asks for it on their own page: see erase_person.
--
-- Caller	web/api_own.c. typed: the name once more, as they typed it.
-- Answer	one row with a status: out: the session is none; other: that is not their name; banned: they are, and
--		who undoes what they did is to find it; done, and then a row a
--		worker as erase_person has them, but for the names: what others wrote stays as it is.
-- Errors	none.
-- Locks	see erase_person.
-- Index	see find_session, erase_person.
drop function if exists tracker.own_erase(uuid, text);
create or replace function tracker.own_erase(session uuid, typed text)
returns table (status text, line int8, worker int8, token uuid, stage int2, freed int4, names text)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_person constant int8 := tracker.enter_session(own_erase.session);
begin
	if v_person is null or own_erase.typed is distinct from tracker.called(v_person) then
		status := case when v_person is null then 'out' else 'other' end;
		return next;
		return;
	end if;
	if tracker.banned_words(own_erase.typed, null, null) is not null then
		status := 'banned';
		return next;
		return;
	end if;
	begin
		return query
			select 'done', e.line, e.worker, e.token, e.stage, e.freed, ''
			from tracker.erase_person(own_erase.typed, others => false) e;
	exception when sqlstate 'TR002' then	-- they were erased, or have another name, meanwhile
		status := 'out';
		return next;
	end;
end $$;
