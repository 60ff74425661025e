-- Who is different from whom: so that one machine alone neither fails a job for good nor has a good
-- result withdrawn, while others are there who could judge.

-- The network of whoever struck, for workers get purged; and whether they let the job go by their own
-- choice (which counts towards the hard limit), unlike after a bye, a drop or a lost answer.
alter table tracker.strike add column network bigint;
alter table tracker.strike add column chosen boolean not null default false;

-- How many different ones are about in a stage, written by the keeper (count_crowd), five at most: who
-- made one of its latest results, or holds a lease. 0: not known yet.
alter table tracker.stage add column workers smallint not null default 0;
alter table tracker.stage add column people smallint not null default 0;
alter table tracker.stage add column networks smallint not null default 0;
drop function if exists tracker.count_flags(int2, int8);
