-- Makes a batch of jobs that were just written: numbers from the end of the last batch to `last`.
--
-- Caller	distcompute-load, as the last step of its transaction. as_named false: the name is not the
--		operator's own words, and " (2)" and so on is added when it is taken.
-- Answer	its number; null: there are no such jobs.
-- Errors	TR003: the name is empty, too long, has control characters, or is taken; or what else is said of it
--		cannot be.
-- Locks	the barrier's share, or all of it for a word that is new; batch, ahead: inserts; stage, for its line. Loads come one after the other.
-- Index	batch by name and by first.
drop function if exists tracker.open_batch(text, boolean, int8);
drop function if exists tracker.open_batch(text, boolean, int8, int4, boolean, text);
create or replace function tracker.open_batch(name text, as_named boolean, last int8,
	priority int4 default 0, paused boolean default false, note text default '',
	needs text default '', rate int4 default 0)
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_name text := open_batch.name;
	v_first int8;
	v_batch int4;
	v_words text[] := tracker.split_words(open_batch.needs);
begin
	select coalesce(max(b.last), 0) + 1 into v_first from tracker.batch b;
	if open_batch.last < v_first then
		return null;
	end if;
	perform tracker.check_batch_name(v_name, as_named),
		tracker.check_batch_says(open_batch.priority, open_batch.note);
	for n in 2 .. 1000 loop
		exit when as_named or not exists (select from tracker.batch b where b.name = v_name);
		v_name := format('%s (%s)', open_batch.name, n);
	end loop;
	-- Words get their bits before anything is locked for which somebody past the barrier may wait.
	if exists (select from unnest(v_words) as u(word)
		where not exists (select from tracker.word w where w.word = u.word)) then
		v_ok := tracker.await_barrier(60);
		perform tracker.add_words(v_words, 0);
	end if;
	insert into tracker.batch (name, first, last, priority, paused, note, needs)
	values (v_name, v_first, open_batch.last, open_batch.priority, open_batch.paused, open_batch.note,
		tracker.mask_of(v_words))
	returning batch into v_batch;
	insert into tracker.ahead (batch, first, last) values (v_batch, v_first, open_batch.last);
	v_ok := tracker.set_gate(1::int2, v_batch, open_batch.rate);
	v_ok := tracker.join_line(array[1::int2], array[v_batch]);
	return v_batch;
end $$;
