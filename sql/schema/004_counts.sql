-- Exact counts without a hot row: every batch adds its deltas to the row of its stage, minute and
-- slot (own_slot: a clash costs a wait, never a wrong sum). The keeper folds
-- minutes that are over into the base row (minute -infinity, slot -1). Only the sum means anything.
--
-- done and withdrawn are gross: what a stage has done is sum(done - withdrawn).
-- Stage A's ready is not counted here: it is frontier.last - frontier.next + 1.

create table tracker.tally (
	stage     smallint not null,
	minute    timestamptz not null,
	slot      smallint not null,
	ready     bigint not null default 0,
	retry     bigint not null default 0,
	leased    bigint not null default 0,
	done      bigint not null default 0,
	withdrawn bigint not null default 0,
	failed    bigint not null default 0,
	primary key (stage, minute, slot)
) with (fillfactor = 30, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 50000,
	autovacuum_vacuum_cost_delay = 0);

create table tracker.credit (
	person    bigint not null,
	stage     smallint not null,
	minute    timestamptz not null,
	slot      smallint not null,
	done      bigint not null default 0,
	withdrawn bigint not null default 0,
	primary key (person, stage, minute, slot)
) with (fillfactor = 50, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 50000,
	autovacuum_vacuum_cost_delay = 0);

-- For charts: minutes for 8 days, then the row of minute :00 stands for its hour.
-- failed is the change of the number of failed jobs.
create table tracker.history (
	stage     smallint not null,
	minute    timestamptz not null,
	done      bigint not null default 0,
	withdrawn bigint not null default 0,
	failed    bigint not null default 0,
	primary key (stage, minute)
) with (fillfactor = 70);
