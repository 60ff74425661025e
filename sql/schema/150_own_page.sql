-- One's own page: who has shown a key stays known for a while.

-- What the browser keeps is nowhere; this is a hash of it. Good while its key is.
create table tracker.session (
	hash    uuid primary key,
	key     bigint not null,	-- person_key.id
	created timestamptz not null default clock_timestamp(),
	until   timestamptz not null
);
create index session_key on tracker.session (key);
create index session_until on tracker.session (until);

create function tracker.key_ended() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	delete from tracker.session s where s.key = old.id;
	return null;
end $$;
create trigger key_revoked after update of revoked on tracker.person_key
	for each row when (new.revoked is not null)
	execute function tracker.key_ended();
create trigger key_deleted after delete on tracker.person_key
	for each row execute function tracker.key_ended();

-- Tries to show a key are counted beside those to take a name.
alter table tracker.signup add column what text not null default 'join';	-- or 'key'
drop index tracker.signup_origin;
create index signup_origin on tracker.signup (what, origin, at);

-- On no page but their own.
alter table tracker.person add column machines_hidden boolean not null default false;
