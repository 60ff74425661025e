-- What the command of the setting on_event was told of (take_events).

-- A line for what has come about, and for as long as it lasts; one that begins with '' for that we have begun to look.
create table tracker.event (
	key     text primary key,	-- what, and of which stage or batch
	event   text not null,
	over    text not null,		-- what the command is told when it is over; '' = nothing
	details jsonb not null,
	since   timestamptz not null default clock_timestamp(),
	told    boolean not null default false
);

-- Acts are told of one by one, those of before never.
alter table tracker.audit add column told boolean not null default true;
alter table tracker.audit alter column told set default false;
create index audit_untold on tracker.audit (id) where not told;
