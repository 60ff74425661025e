-- When the tracker could hear its workers, so that nobody is counted silent for the time in which
-- nobody could be heard; and where a write of the tracker's own goes when it asks whether any passes.

-- One row: when the keeper last found that everything works.
create table tracker.hearing (
	one boolean primary key default true check (one),
	at  timestamptz not null
) with (fillfactor = 10);
insert into tracker.hearing (at) values (clock_timestamp());

-- Periods in which it did not, each with the time after it in which workers find their way back: a
-- row an outage, none that is too old to matter.
create table tracker.deaf (
	began timestamptz not null,
	ended timestamptz not null
);

-- A row a slot, so that processes that ask at the same time do not wait for each other.
create table tracker.probe (
	slot smallint primary key,
	at   timestamptz not null
) with (fillfactor = 10);
