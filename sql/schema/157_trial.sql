-- Trials, and a banner that an operator puts up.

-- A job that is done, given once more to one worker to see what it makes of it. It is in no place of the
-- pipeline and counts nothing: no lease, no credit, no strike. The worker's row names the one that waits for it.
create table tracker.trial (
	id     bigint generated always as identity primary key,
	asked  timestamptz not null default clock_timestamp(),
	worker bigint not null,
	stage  smallint not null,
	job    bigint not null,
	lease  uuid not null default gen_random_uuid() unique,	-- by which the worker has it in hand
	state  text not null default 'waiting' check (state in ('waiting', 'given', 'same', 'other', 'failed',
		'flagged', 'released', 'abandoned', 'dropped')),
	call   bigint,			-- that has told it, see claim_fleet
	given  timestamptz,
	ended  timestamptz,
	known  text compression lz4 not null,	-- the result that it had when it was asked for
	said   text compression lz4	-- the result, when it is another; or the reason
);
create unique index trial_worker on tracker.trial (worker) where state in ('waiting', 'given');

-- Null of nearly everybody, so that a row is no longer than it was.
alter table tracker.worker add column trial bigint;

-- Shown instead of the setting of that name; '' = there is none.
alter table tracker.project add column banner text not null default '';

-- These have other parameters, or answer more.
drop function if exists tracker.judge_return(boolean, int8, int2, int8, uuid, timestamptz, text);
drop function if exists tracker.lock_claimants(uuid[], int8[], int8[], int4[], int4);
