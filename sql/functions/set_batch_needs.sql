-- Puts down what a batch needs: only workers that say that they have all of it get its jobs.
--
-- Caller	set_batch. needs: words with commas between; empty: anybody.
-- Answer	false when there is no such batch, or it needs just that already.
-- Errors	TR003: a word is none, or there are 64 others. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment; word; worker: those that have such a word; stage, for its line.
-- Index	batch and stage by key; worker_words.
drop function if exists tracker.set_batch_needs(int4, text, int4);
create or replace function tracker.set_batch_needs(of_batch int4, needs text,
	patience_s int4 default 60, tell boolean default true)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_words text[] := tracker.split_words(set_batch_needs.needs);
	v_ok boolean := tracker.await_barrier(patience_s);
	v_name text;
begin
	select b.name into v_name from tracker.batch b
	where b.batch = of_batch and tracker.mask_words(b.needs) <> array_to_string(v_words, ',');
	if not found then
		return false;
	end if;
	perform tracker.add_words(v_words, of_batch);
	update tracker.batch b set needs = tracker.mask_of(v_words) where b.batch = of_batch;
	update tracker.stage s set line = s.line where of_batch = any (s.line);
	if set_batch_needs.tell then
		perform tracker.audit_act('set needs', format('batch "%s"', v_name), null,
			jsonb_build_object('needs', array_to_string(v_words, ',')));
	end if;
	return true;
end $$;
