-- What was purged, counted: so that what people and workers did can still be told, and the laws hold.
create table tracker.purged (
	worker  bigint not null,
	person  bigint not null,
	stage   smallint not null,
	results bigint not null default 0,	-- refused ones
	kept    bigint not null default 0,	-- of these, with their credit kept
	strikes bigint not null default 0,	-- attempts that ended badly
	primary key (worker, person, stage)
);
