-- A worker keeps the label under which it has brought something (say_words). What it says since, where that is
-- another, as a hash (ban_hash), so that a ban of it finds the worker, too.
alter table tracker.worker add column label_now bytea;

-- It answers more.
drop function if exists tracker.say_words(uuid[], text[], text[]);
