-- Somebody's machines that left, the latest first: who looks at their own page mostly comes because one is not
-- there any more.
create index worker_person_left on tracker.worker (person, gone_at, id) where gone_at is not null;
