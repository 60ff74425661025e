-- The pipeline: who we are, which stages there are, what they are fed with and what they made.
--
-- Cost must not grow with the number of jobs: `job` and `output` are written once and never touched
-- by dispatch; jobs that were never handed out are a range in `frontier`, not rows.
-- No foreign keys: each check would lock the row that it points to.

create schema if not exists tracker;

-- Which files of sql/schema were applied; written by distcompute-admin migrate.
create table if not exists tracker.migration (
	number   int primary key,
	name     text not null,
	checksum text not null,
	applied  timestamptz not null default now()
);

-- One row: the prefix of everything that this tracker keeps outside the database.
create table tracker.project (
	one boolean primary key default true check (one),
	id  text not null
);
insert into tracker.project (id)
select substr(replace(gen_random_uuid()::text, '-', ''), 1, 16);

-- Filled by settle_stages at the first start; grows only at its end, by append_stage.
create table tracker.stage (
	stage  smallint primary key check (stage between 1 and 5),
	letter text not null,
	name   text not null,
	paused boolean not null default false
);

-- Original inputs, numbers dense from 1. Loaded by COPY.
create table tracker.job (
	number bigint primary key,
	data   text compression lz4 not null
) with (autovacuum_vacuum_insert_scale_factor = 0.1);

-- One row: jobs next..last were never handed out by stage A. `previous` lets one UPDATE tell what it
-- took. `epoch` moves on with time, so that a claim finds the row without walking past all the
-- versions that a snapshot, held somewhere, keeps alive: they are of earlier epochs.
create table tracker.frontier (
	epoch    bigint primary key default 0,
	next     bigint not null default 1,
	last     bigint not null default 0,
	previous bigint not null default 1
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
insert into tracker.frontier default values;

-- Live results. The primary key is the guard against counting a job twice.
-- Stage S + 1 is fed with the rows of stage S.
create table tracker.output (
	stage    smallint not null,
	job      bigint not null,
	worker   bigint not null,
	person   bigint not null,
	attempt  int not null,
	lease    uuid not null,
	started  timestamptz not null,
	finished timestamptz not null,
	data     text compression lz4 not null,
	primary key (stage, job)
) partition by list (stage);
create table tracker.output_a partition of tracker.output for values in (1);
create table tracker.output_b partition of tracker.output for values in (2);
create table tracker.output_c partition of tracker.output for values in (3);
create table tracker.output_d partition of tracker.output for values in (4);
create table tracker.output_e partition of tracker.output for values in (5);

-- What send_back took out of `output`, with why.
create table tracker.refused_output (
	id       bigint generated always as identity primary key,
	stage    smallint not null,
	job      bigint not null,
	worker   bigint not null,
	person   bigint not null,
	attempt  int not null,
	lease    uuid not null,
	started  timestamptz not null,
	finished timestamptz not null,
	refused  timestamptz not null,
	reason   text not null,
	data     text compression lz4 not null
);
create index refused_output_job on tracker.refused_output (stage, job);
