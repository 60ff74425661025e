-- Gives bits to words that have none, and to workers that say that they have them.
--
-- There are 64. When all are in use, one gives way that no batch needs which is open. A batch that is over may have
-- needed it: should something of that come back (undone, requeued), it must not go to who lacks the word, so it is
-- paused, and says why. A cancelled one is never handed out again.
--
-- Caller	set_batch_needs, open_batch, under all of the barrier. p_batch: what it needs is about to be changed to these
--		words, so what it needs now keeps no other's bit.
-- Answer	nothing.
-- Errors	TR003: other batches need 64 words, or too many for these.
-- Locks	word; worker: those that have such a word; batch: those that are over and needed what gives way.
-- Index	worker_words; batch is read from end to end, only when there are 64 words; see read_batches.
-- Source	runs under its caller's settings.
create or replace function tracker.add_words(p_words text[], p_batch int4)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
	v_word text;
	v_bit int2;
	v_needed int8;
	v_over int4[];	-- batches of which nothing is left to do
	v_gone text;
begin
	foreach v_word in array p_words loop
		continue when exists (select from tracker.word w where w.word = v_word);
		v_bit := (select min(g.n) from generate_series(0, 63) as g(n)
			where not exists (select from tracker.word w where w.bit = g.n));
		if v_bit is null then
			v_over := array(
				select q.batch
				from tracker.read_batches(array(
					select b.batch from tracker.batch b
					where b.needs <> 0 and (b.cancelled or b.ended is not null))) q
				group by q.batch having sum(q.ready + q.retry + q.leased) = 0);
			v_needed := coalesce((
				select bit_or(b.needs) from tracker.batch b
				where b.needs <> 0 and b.batch <> p_batch and b.batch <> all (v_over) and not b.cancelled), 0);
			delete from tracker.word w
			where w.bit = (
				select q.bit from tracker.word q
				where v_needed >> q.bit & 1 = 0 and q.word <> all (p_words)
				order by exists (
					select from tracker.batch b where b.needs >> q.bit & 1 = 1 and not b.cancelled), q.bit
				limit 1)
			returning w.bit, w.word into v_bit, v_gone;
			update tracker.batch b set needs = b.needs & ~(1::int8 << v_bit), paused = not b.cancelled,
				paused_why = case when b.cancelled then '' else format(
					'it needed %s, a word that gave way since: say what it needs, then resume it', v_gone) end
			where b.needs >> v_bit & 1 = 1 and b.batch <> p_batch;
		end if;
		if v_bit is null then
			raise exception 'open batches need 64 words already, which is the most: none is left for "%"', v_word
				using errcode = 'TR003';
		end if;
		insert into tracker.word (bit, word) values (v_bit, v_word);
		update tracker.worker w
		set has = case when v_word = any (w.words) then coalesce(w.has, 0) | (1::int8 << v_bit)
			else w.has & ~(1::int8 << v_bit) end
		where w.words is not null
			and (v_word = any (w.words) or coalesce(w.has, 0) >> v_bit & 1 = 1);
	end loop;
end $$;
