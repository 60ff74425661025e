-- Names that belong to somebody: keys, and what names look like.

drop function if exists tracker.open_workers(uuid[], text[], int2[], text[], text[], text[]);

-- claimed: since when the name belongs to somebody; it does so without a key too, when all are revoked.
-- looked: the version of ICU that made its rows of look; null: they are still to be made.
alter table tracker.person drop column key_hash;
alter table tracker.person add column claimed timestamptz;
alter table tracker.person add column looked text;
create index person_looked on tracker.person (looked);
create index person_claimed on tracker.person (id) where claimed is not null;

-- A key itself is nowhere.
create table tracker.person_key (
	id      bigint generated always as identity primary key,
	person  bigint not null,
	label   text not null default '',
	hash    uuid not null unique,
	created timestamptz not null default clock_timestamp(),
	used    timestamptz,		-- to the hour
	revoked timestamptz
);
create index person_key_person on tracker.person_key (person);

-- Names that look the same have the same skeleton in one of their rows (domain/nickname.h).
create table tracker.look (
	skeleton uuid not null,		-- a hash of it
	person   bigint not null,
	claimed  boolean not null default false,	-- as the person's
	primary key (skeleton, person)
);
create index look_person on tracker.look (person);
create index look_claimed on tracker.look (skeleton) where claimed;

-- Another name looks otherwise, and who is gone looks like nobody and has no key.
create function tracker.person_renamed() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	delete from tracker.look k where k.person = old.id;
	if tg_op = 'DELETE' then
		delete from tracker.person_key k where k.person = old.id;
		return old;
	end if;
	new.looked := null;
	return new;
end $$;
create trigger person_renamed before update of nickname on tracker.person
	for each row when (old.nickname is distinct from new.nickname)
	execute function tracker.person_renamed();
create trigger person_deleted before delete on tracker.person
	for each row execute function tracker.person_renamed();
