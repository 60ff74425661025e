-- When work that came back is tried again: the settings of the tracker, for all functions that ask.
-- Written by settle_policy at each start.

create table tracker.policy (
	one           boolean primary key default true check (one),
	max_attempts  int not null default 10,
	flag_limit    int not null default 5,
	backoff_s     int not null default 30,
	backoff_max_s int not null default 3600
);
insert into tracker.policy default values;

-- Claims are apart by protocol now: claim_fresh and claim_held, claim_fleet. And these have other
-- parameters.
drop function if exists tracker.claim_jobs(uuid[], int4[], int8[], int8[], boolean[], boolean[], int4[],
	int8[], boolean[], int8[], int4, int4, int4);
drop function if exists tracker.claim_fresh(uuid[], int8[], int8[], boolean[], int8[], uuid[], int4, int4,
	int4);
drop function if exists tracker.return_jobs(uuid[], int8[], uuid[], text[], text[], int8[], int4, int4,
	int4, int4);
drop function if exists tracker.give_back(int2[], int8[], uuid[], int8[], int4[], boolean[], timestamptz[],
	text[], text[], int4, int4, int4);
drop function if exists tracker.refuse_input(int2, int8, text, int4, int4);
drop function if exists tracker.end_workers(uuid[], text, timestamptz, int4, int4, int4);
drop function if exists tracker.reap_workers(uuid[], int4, int4, int4, int4);
drop function if exists tracker.expire_leases(int4[], int4, int4, int4);
