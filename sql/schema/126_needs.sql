-- What a batch needs of who works on it, and rates: of batches, and of stages.

-- Words that batches need, each a bit of a mask. One that no batch needs any more gives way to a new one.
create table tracker.word (
	bit  smallint primary key check (bit between 0 and 63),
	word text not null unique
);

alter table tracker.batch add column needs bigint not null default 0;	-- bits of word

-- What a worker says that it has, and those of these words that there are in word. Null: nothing, so that a
-- row is no longer than it was.
alter table tracker.worker add column words text[], add column has bigint;
create index worker_words on tracker.worker (id) where words is not null;

-- Jobs that are handed out a minute, work that came back not counted: of a batch in stage A, or of a whole
-- stage (batch 0). None here: as many as are asked for. Who takes such work has the row locked until it
-- commits, so that the rate is that of all pools together.
create table tracker.gate (
	stage   smallint not null,
	batch   int not null,
	rate    int not null check (rate between 1 and 6000000),
	free_at timestamptz not null default clock_timestamp(),	-- see gate_behind
	primary key (stage, batch)
) with (fillfactor = 10);

-- Of each place of the line what its batch needs; null: none of them needs anything or has a rate, nor has
-- the stage one. plain: the first of the line, when neither it nor the stage has any of that.
alter table tracker.stage add column needs bigint[], add column plain int;

create function tracker.line_changed() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_gates int4[] := array(select g.batch from tracker.gate g where g.stage = new.stage and g.batch = any (new.line || 0));
begin
	new.needs := array(
		select b.needs from unnest(new.line) with ordinality as u(batch, place)
		join tracker.batch b on b.batch = u.batch
		order by u.place);
	new.plain := case when new.needs[1] = 0 and new.line[1] <> all (v_gates) and 0 <> all (v_gates)
		then new.line[1] end;
	if v_gates = '{}' and 0 = all (new.needs) then
		new.needs := null;
	end if;
	return new;
end $$;
create trigger line_changed before insert or update of line on tracker.stage
	for each row execute function tracker.line_changed();
update tracker.stage set line = line;

-- These have other parameters, or answer more.
drop function if exists tracker.deal_stage(int2, int8[], int2[], int4[], timestamptz[], int8[], int8[], int4,
	uuid[], int8[]);
drop function if exists tracker.seat_returned(int2, timestamptz, int8[], int8[], int4[], int4[], boolean[],
	int8[], int8[], int8, int4);
drop function if exists tracker.next_in_line(int2, int8, timestamptz);
drop function if exists tracker.take_behind(int2, int4, timestamptz, int8, int4, int4, record, record);
