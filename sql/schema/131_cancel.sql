-- Cancelled batches: what of them was not handed out yet is cancelled by definition, whether rows of ready
-- and retry are left or not (sweep_cancelled takes them away); of stage A nothing is.

-- Folded counts of a cancelled batch are here instead of in ready and retry; counts of the minute that runs
-- (tally) are read so.
alter table tracker.batch_count add column cancelled bigint not null default 0;

-- The same by stage, as its base row in tally has the other folded counts.
create table tracker.cancelled_count (
	stage smallint primary key,
	jobs  bigint not null
);

alter table tracker.batch add column swept boolean not null default false;	-- cancelled, and no row waits
create index batch_paused on tracker.batch (batch) where paused;
create index batch_unswept on tracker.batch (batch) where cancelled and not swept;

-- Programs from before batches loaded by moving the end of the frontier. What they load would be in no
-- batch, so they hear why not. Nobody else changes that column: begin_stretch writes a row anew.
create function tracker.refuse_old_load() returns trigger
language plpgsql
as $$
begin
	raise exception 'this database has batches: load with the distcompute-load of this version'
		using errcode = 'TR003';
end $$;
create trigger refuse_old_load before update of last on tracker.frontier
	for each statement execute function tracker.refuse_old_load();

drop function if exists tracker.read_batches(int4[]);
drop function if exists tracker.read_counts();
drop function if exists tracker.list_failed(int2, int8, int4);
drop function if exists tracker.requeue_failed(int2, int8[], text, text);
