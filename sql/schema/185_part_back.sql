-- An undo of which a part came back is not one that came back whole: its line in audit says which. `taken_back` of its
-- details is how many of its results, `count`, live again.

alter table tracker.audit drop constraint audit_state_check;
alter table tracker.audit add constraint audit_state_check
	check (state in ('begun', 'done', 'taken back', 'part back'));
update tracker.audit set state = 'part back'
where state = 'taken back' and (details ->> 'taken_back')::int8 < count;
