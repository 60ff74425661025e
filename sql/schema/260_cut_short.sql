-- An undo that a reset ended is not done: its line in audit says that it was cut short. What it had set aside is gone, as are the
-- jobs that it had still to do (`left` of its details).

alter table tracker.audit drop constraint audit_state_check;
alter table tracker.audit add constraint audit_state_check
	check (state in ('begun', 'done', 'cut short', 'taken back', 'part back'));
update tracker.audit set state = 'cut short'
where act = 'undo' and state = 'done' and (details ->> 'left')::int8 > 0
	or act = 'take back' and state = 'begun' and exists (select from tracker.audit r where r.act = 'reset' and r.id > audit.id);

-- Credit that people keep for results that were set aside: what they share among them is these and the results that live (read_period).
create index person_day_kept on tracker.person_day (day) include (kept) where kept <> 0;
