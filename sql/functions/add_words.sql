-- Gives bits to words that have none, and to workers that say that they have them.
--
-- Caller	set_batch_needs, open_batch, under all of the barrier. p_batch: what it needs is about to be changed to these
--		words, so what it needs now keeps no other's bit.
-- Answer	nothing.
-- Errors	TR003: other batches need 64 words, or too many for these.
-- Locks	word; worker: those that have such a word.
-- Index	worker_words; batch is read from end to end, only when there are 64 words.
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
begin
	foreach v_word in array p_words loop
		continue when exists (select from tracker.word w where w.word = v_word);
		v_bit := (select min(g.n) from generate_series(0, 63) as g(n)
			where not exists (select from tracker.word w where w.bit = g.n));
		if v_bit is null then
			v_needed := (select bit_or(b.needs) from tracker.batch b
				where b.needs <> 0 and b.batch <> p_batch);
			delete from tracker.word w
			where coalesce(v_needed, 0) >> w.bit & 1 = 0 and w.word <> all (p_words)
				and w.bit = (select min(q.bit) from tracker.word q
					where coalesce(v_needed, 0) >> q.bit & 1 = 0 and q.word <> all (p_words))
			returning w.bit into v_bit;
		end if;
		if v_bit is null then
			raise exception 'there are 64 words in use already, which is the most: none is left for "%"', v_word
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
