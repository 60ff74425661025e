-- Dispatch: a job of a stage is in exactly one of the range (stage A), ready, retry, lease, output
-- and failed. Tables here are as long as the work in sight, never as long as the project.
--
-- vacuum_truncate is off because truncation takes an exclusive lock; thresholds do not scale with
-- the table, because dead rows at the head of a queue cost every claim.

-- Fresh work of stages B to E, in line.
create table tracker.ready (
	stage    smallint not null,
	position bigint generated always as identity,
	job      bigint not null,
	primary key (stage, position)
) with (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_insert_scale_factor = 1, autovacuum_analyze_scale_factor = 1,
	autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);

-- Work that came back. `attempt` is the number of the attempt to come; `lease` and `worker` held it
-- last: a late result is accepted only by deleting the row that names its lease.
-- `flagged`: somebody flagged it, so look into `strike` before choosing who gets it.
create table tracker.retry (
	stage   smallint not null,
	job     bigint not null,
	due     timestamptz not null,
	attempt int not null,
	flagged boolean not null default false,
	lease   uuid,
	worker  bigint,
	since   timestamptz,	-- when that lease was given
	primary key (stage, job)
) with (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_insert_scale_factor = 1, autovacuum_analyze_scale_factor = 1,
	autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
create index retry_due on tracker.retry (stage, due);

-- Jobs in hand. Written and deleted only under the lock of its worker's row.
create table tracker.lease (
	stage   smallint not null,
	job     bigint not null,
	id      uuid not null,
	worker  bigint not null,
	since   timestamptz not null,
	attempt int not null,
	flagged boolean not null default false,
	call    bigint not null,
	primary key (stage, job)
) with (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_insert_scale_factor = 1, autovacuum_analyze_scale_factor = 1,
	autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
create index lease_worker on tracker.lease (worker);

-- A job's history in a stage. timed_out, abandoned, failed and flagged count as attempts;
-- released (bye, dropped, released) counts nothing; requeued is the operator's mark after which
-- flags count anew. Each lease that ended without a result has its row here.
create table tracker.strike (
	id     bigint generated always as identity primary key,
	stage  smallint not null,
	job    bigint not null,
	worker bigint,
	person bigint,
	kind   text not null
		check (kind in ('timed_out', 'abandoned', 'failed', 'flagged', 'released', 'requeued')),
	reason text not null default '',
	lease  uuid,
	at     timestamptz not null
);
create index strike_job on tracker.strike (stage, job);

-- Dead letters.
create table tracker.failed (
	stage   smallint not null,
	job     bigint not null,
	kind    text not null,
	reason  text not null,
	attempt int not null,
	lease   uuid,
	worker  bigint,
	since   timestamptz,
	at      timestamptz not null,
	primary key (stage, job)
) with (vacuum_truncate = off);
