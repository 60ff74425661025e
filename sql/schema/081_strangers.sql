-- Where a worker comes from, what it runs, and who is not welcome.

-- Keys the hashes of addresses, so that a copy of the database tells nobody's address.
alter table tracker.project add column secret bytea not null
	default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');

-- As at registration; workers of before have none. origin (IPv4 /32, IPv6 /64) is for blame, network
-- (/24, /56) tells whether two are different people; both are hashes, and stay when the address goes.
alter table tracker.worker add column address inet;
alter table tracker.worker add column origin bigint;
alter table tracker.worker add column network bigint;
alter table tracker.worker add column label text not null default '';

create index worker_address_known on tracker.worker (id) where address is not null and gone_at is not null;

-- One of the four is set. What is lifted, or over, stays for those who ask later.
create table tracker.ban (
	id      bigint generated always as identity primary key,
	person  text,		-- a nickname
	address cidr,
	label   text,
	worker  bigint,
	words   text not null,	-- what they hear
	until   timestamptz,	-- null: until it is lifted
	created timestamptz not null default clock_timestamp(),
	lifted  timestamptz,
	check (num_nonnulls(person, address, label, worker) = 1)
);
