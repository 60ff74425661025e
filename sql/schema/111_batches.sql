-- Batches: one load is one batch, with a contiguous range of job numbers, and what an operator may
-- change of it. What there is already becomes one.
--
-- Columns with a constant default are added without a row being written; what takes time are the
-- indexes of what waits.

create table tracker.batch (
	batch     int generated always as identity primary key,
	name      text not null unique,
	first     bigint not null unique,	-- numbers of its jobs
	last      bigint not null check (last >= first),
	created   timestamptz not null default clock_timestamp(),
	priority  smallint not null default 0 check (priority between -100 and 100),
	paused    boolean not null default false,
	cancelled boolean not null default false,	-- for good
	note      text not null default '',
	ended     timestamptz	-- when nothing more was to be done of it, as far as the keeper knows
);

-- Stretches that stage A has not come to yet. The one that it is at is the batch's row of frontier.
create table tracker.ahead (
	batch int not null,
	first bigint not null,
	last  bigint not null,
	primary key (batch, first)
);

-- The line of each stage: the batches that may have work in it, in the order in which they have their
-- turn (higher priority first, then the older one). All that have work that may be handed out now are in
-- it; some have none any more (tidy_line). Neither paused nor cancelled ones are. It stands in a row that
-- every claim and every completion reads anyway: another table would cost each of them 30,000
-- instructions.
alter table tracker.stage add column line int[] not null default '{}';

-- Folded counts by batch; those of stage A have no ready, as in tally.
create table tracker.batch_count (
	batch     int not null,
	stage     smallint not null,
	ready     bigint not null default 0,
	retry     bigint not null default 0,
	done      bigint not null default 0,
	withdrawn bigint not null default 0,
	failed    bigint not null default 0,
	primary key (batch, stage)
) with (fillfactor = 50);

-- What there is.
insert into tracker.batch (name, first, last, created)
select 'first', 1, f.last, coalesce((select min(m.applied) from tracker.migration m), now())
from (select max(q.last) as last from tracker.frontier q) f
where f.last > 0;
update tracker.stage set line = array(select b.batch from tracker.batch b);
insert into tracker.batch_count (batch, stage, ready, retry, done, withdrawn, failed)
select b.batch, t.stage, t.ready, t.retry, t.done, t.withdrawn, t.failed
from tracker.tally t, tracker.batch b where t.slot = -1;

-- A row a batch that stage A has begun; none when nothing was loaded.
alter table tracker.frontier add column batch int not null default 1;
alter table tracker.frontier drop constraint frontier_pkey;
alter table tracker.frontier add primary key (batch, epoch);
alter table tracker.frontier alter column batch drop default, alter column epoch drop default,
	alter column next drop default, alter column last drop default, alter column previous drop default;
delete from tracker.frontier f where not exists (select from tracker.batch);

alter table tracker.ready add column batch int not null default 1;
alter table tracker.ready drop constraint ready_pkey;
alter table tracker.ready add primary key (stage, batch, position);
alter table tracker.ready alter column batch drop default;

alter table tracker.retry add column batch int not null default 1;
alter table tracker.retry alter column batch drop default;
create index retry_batch on tracker.retry (stage, batch, due);

alter table tracker.lease add column batch int not null default 1;
alter table tracker.lease alter column batch drop default;

-- Base rows (slot -1) are of the whole stage: their batch is 0.
alter table tracker.tally add column batch int not null default 1;
update tracker.tally set batch = 0 where slot = -1;
alter table tracker.tally drop constraint tally_pkey;
alter table tracker.tally add primary key (stage, batch, minute, slot);
alter table tracker.tally alter column batch drop default;

alter table tracker.undo_item add column batch int not null default 1;
alter table tracker.undo_item alter column batch drop default;

-- These have other parameters, or answer more.
drop function if exists tracker.take_returned(int2, int4, timestamptz, int8[]);
drop function if exists tracker.take_fresh(int2, int4, int8);
drop function if exists tracker.seat_returned(int2, timestamptz, int8[], int8[], int4[], boolean[], int8[],
	int8[], int8);
drop function if exists tracker.deal_stage(int2, int8[], int2[], int4[], timestamptz[], int8[], int8[], int4,
	uuid[], int8);
drop function if exists tracker.give_back(tracker.lease[], text[], text[]);
drop function if exists tracker.refuse_input(int2, int8, text, int4);
drop function if exists tracker.add_tally(int2[], int8[], int8[], int8[], int8[], int8[]);
drop function if exists tracker.add_done(int8[], int2[], text[], text[], int2);
