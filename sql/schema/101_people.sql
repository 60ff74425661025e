-- People renamed, merged, hidden from boards and erased.

-- merged_into: whose it is now. Results keep who made them, for they are many and written once; whoever
-- asks for a person, or shows one, goes by this. An old name stays so, and scripts that say it go on.
alter table tracker.person add column merged_into bigint;
create index person_merged on tracker.person (merged_into) where merged_into is not null;
alter table tracker.person add column hidden boolean not null default false;	-- on no board
alter table tracker.person add column erased boolean not null default false;	-- hidden, too

-- A generated column's expression cannot be changed.
drop index tracker.person_score;
alter table tracker.person drop column score;
alter table tracker.person add column score bigint
	generated always as (case when hidden then 0 else done - withdrawn end) stored;
create index person_score on tracker.person (score desc, id) where score > 0;
