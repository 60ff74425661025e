-- People who take a name for themselves, on the page /join.

-- Tries of the last hour, by where they come from (hash_address), to bound them.
create table tracker.signup (
	origin bigint not null,
	at     timestamptz not null default clock_timestamp()
);
create index signup_origin on tracker.signup (origin, at);
create index signup_at on tracker.signup (at);

-- What an operator gives to somebody who may take a name while sign-up is closed. Good once; the words
-- themselves are nowhere.
create table tracker.invite (
	id      bigint generated always as identity primary key,
	hash    uuid not null unique,
	label   text not null default '',
	created timestamptz not null default clock_timestamp(),
	until   timestamptz not null,
	used    timestamptz,
	person  bigint		-- who used it
);
