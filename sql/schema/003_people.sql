-- People and their machines.

create table tracker.person (
	id        bigint generated always as identity primary key,
	nickname  text not null unique,
	key_hash  bytea,
	created   timestamptz not null default clock_timestamp(),
	done      bigint not null default 0,	-- folded; credit holds what is not yet
	withdrawn bigint not null default 0
) with (fillfactor = 70);

create table tracker.person_day (
	person    bigint not null,
	day       date not null,		-- UTC
	stage     smallint not null,
	done      bigint not null default 0,
	withdrawn bigint not null default 0,
	primary key (person, day, stage)
) with (fillfactor = 70);
create index person_day_day on tracker.person_day (day);

-- A worker: its row is its lock, and remembers what it asked last so that a repeated question gets
-- the same answer. Rows stay when they are gone (gone_at set); names are never given twice.
-- No column that changes with a call is in an index, so that every update stays in its page.
create table tracker.worker (
	id         bigint generated always as identity primary key,
	token      uuid not null unique,	-- a hash; the token itself is nowhere
	stage      smallint not null,
	name       text not null,
	person     bigint not null,
	created    timestamptz not null,
	seen       timestamptz not null,
	gone_at    timestamptz,
	gone_why   text check (gone_why in ('bye', 'idle', 'dropped')),
	done       bigint not null default 0,	-- results accepted
	struck     bigint not null default 0,	-- attempts that ended badly
	-- v1: the job in hand; kept after a time-out, so that a late result finds its row
	held_job   bigint,
	held_lease uuid,
	-- what it asked last (any call) and since when it may not be told the same job again
	asked_kind text not null default 'none',
	asked_at   timestamptz not null default '-infinity',
	repeats    smallint not null default 0,
	-- v1: its last newJob, and its last completeJob or flagInvalidData
	claimed_at timestamptz not null default '-infinity',
	last_kind  text,			-- completed, flagged
	last_at    timestamptz not null default '-infinity',
	last_job   bigint,
	last_hash  uuid,
	unique (stage, name)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
	autovacuum_vacuum_cost_delay = 0);
