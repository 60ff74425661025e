-- What is withdrawn is counted in the minute in which it was made, of a batch too: so what a time brought is
-- what of it stands, and never less than nothing.
alter table tracker.batch_history add column withdrawn bigint not null default 0;

-- Of before nobody knows when it was made: their sums are right, the first row of each has them.
insert into tracker.batch_history as h (batch, stage, hourly, minute, withdrawn)
select c.batch, c.stage, f.hourly, f.minute, c.withdrawn
from tracker.batch_count c
cross join lateral (
	select x.hourly, x.minute from tracker.batch_history x
	where x.batch = c.batch and x.stage = c.stage
	order by x.minute, x.hourly desc limit 1) f
where c.withdrawn <> 0
on conflict (batch, stage, minute, hourly) do update set withdrawn = excluded.withdrawn;

-- They have parameters or columns more now.
drop function if exists tracker.add_credit(int8[], int2[], int8[], int8[]);
drop function if exists tracker.refuse_input(int2, int8, text, int4);
