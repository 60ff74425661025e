-- How much one worker may have in hand: an allowance that grows with what it does, and what it has in hand
-- now, so that nobody takes all the work and keeps it.

-- holds: its leases, a law (check_laws). allowance: 1 to 1000, + 1 for each result that is accepted, - 1 for
-- each attempt that ends badly. slots: what the allowance began with, 8 or as many as it says it has.
alter table tracker.worker add column holds int not null default 0;
alter table tracker.worker add column allowance int not null default 8;
alter table tracker.worker add column slots int not null default 8;

-- Who is at work goes on with what it has earned.
update tracker.worker w
set holds = (select count(*) from tracker.lease l where l.worker = w.id),
	allowance = least(8 + w.done, 1000)
where w.gone_at is null;
