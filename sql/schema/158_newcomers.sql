-- Where many come from who have brought nothing yet, or nothing but bad ends: what new workers from there may have.

-- A row an origin of which that is so, written by the keeper (count_newcomers). newcomers: its present workers
-- without a result that were heard lately; good: those with one; bad: workers in a row that brought nothing but bad
-- ends, since the last result from there; rest_until: for so long nothing is handed out to who comes from there.
create table tracker.network (
	origin     bigint primary key,
	newcomers  int not null,
	good       int not null,
	bad        int not null,
	rest_until timestamptz not null
);

-- Where more newcomers are, the next ones wait: a setting.
alter table tracker.policy add column newcomers_most int not null default 1000;
