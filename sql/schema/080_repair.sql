-- Repair: who did what (audit), and results set aside by the thousand (undo) that may come back.

-- A line an act of an operator, written in the transaction that does it. A long act opens its line
-- first (begun), each of its steps writes its progress there, done comes last.
create table tracker.audit (
	id      bigint generated always as identity primary key,
	at      timestamptz not null default clock_timestamp(),
	who     text not null,		-- as they named themselves; see audit_act
	act     text not null,
	target  text not null,		-- what it was done to, for people
	count   bigint not null default 0,	-- results, jobs or workers that it touched
	details jsonb not null default '{}',
	state   text not null default 'done' check (state in ('begun', 'done', 'taken back')),
	changed timestamptz not null default clock_timestamp()
);

-- What an undo still has to set aside: the job, and the earliest stage of which a result is refused.
create table tracker.undo_item (
	undo  bigint not null,		-- audit.id
	stage smallint not null,
	job   bigint not null,
	lease uuid not null,		-- which result of the job
	line  smallint,			-- where it stood in ready when the undo began: the stage,
	place bigint,			-- and the position
	primary key (undo, stage, job)
);

-- Which undo set it aside, and whether its maker kept the credit.
alter table tracker.refused_output add column undo bigint;
alter table tracker.refused_output add column kept boolean not null default false;
create index refused_output_undo on tracker.refused_output (undo, job) where undo is not null;

-- Results that are set aside though their people did nothing wrong: their credit stays.
-- Live outputs of a person are done - withdrawn - kept.
alter table tracker.credit add column kept bigint not null default 0;
alter table tracker.person add column kept bigint not null default 0;
alter table tracker.person_day add column kept bigint not null default 0;

-- All machines that a person ever had: they bound the time in which their results were made.
create index worker_person on tracker.worker (person);
