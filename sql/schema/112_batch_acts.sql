-- What an operator does with batches.

-- Why it is paused, for people; empty: nobody has said so, or it is not.
alter table tracker.batch add column paused_why text not null default '';
