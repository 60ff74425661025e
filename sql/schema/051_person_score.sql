-- A person's place on the board of all time is counted from an index alone: PostgreSQL does that for
-- columns, not for expressions.
alter table tracker.person add column score bigint generated always as (done - withdrawn) stored;
drop index tracker.person_score;
create index person_score on tracker.person (score desc, id) where score > 0;
