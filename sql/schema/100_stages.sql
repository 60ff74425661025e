-- The stages are the database's: tracker.ini proposes them for a new one, and from then on
-- append_stage and rename_stage change them.

-- An operator changed the stages by a command: no tracker.ini is asked any more.
alter table tracker.project add column stages_kept boolean not null default false;

-- What a stage was called before, so that addresses of pages that somebody kept go on to lead there.
create table tracker.former_stage (
	name  text primary key,
	stage smallint not null
);
drop function if exists tracker.settle_stages(text[]);
