-- Batches that fail whoever tries them are paused (judge_batches).

-- What ended badly before this moment is not held against it any more: it was resumed then.
alter table tracker.batch add column judged_from timestamptz not null default '-infinity';
