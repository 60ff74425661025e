-- What a batch did when, for its page, its rate and the time that it will take.

-- By the minute for eight days, then by the hour. Sums are those of batch_count.
create table tracker.batch_history (
	batch  int not null,
	stage  smallint not null,
	hourly boolean not null default false,	-- stands for the hour that begins with `minute`
	minute timestamptz not null,
	done   bigint not null default 0,
	primary key (batch, stage, minute, hourly)
) with (fillfactor = 70);
create index batch_history_minute on tracker.batch_history (minute) where not hourly;

-- The first of a page, whatever is over behind them.
create index batch_open on tracker.batch (priority desc, batch) where ended is null;
create index batch_ended on tracker.batch (ended desc, batch desc) where ended is not null;

-- Of one batch all is known; of several only how much.
insert into tracker.batch_history (batch, stage, hourly, minute, done)
select b.batch, h.stage, h.minute < now() - interval '9 days', h.minute, h.done
from tracker.batch b, tracker.history h
where h.done <> 0 and not exists (select from tracker.batch o where o.batch <> b.batch);
insert into tracker.batch_history (batch, stage, hourly, minute, done)
select c.batch, c.stage, true, date_trunc('hour', b.created, 'UTC'), c.done
from tracker.batch_count c join tracker.batch b on b.batch = c.batch
where c.done <> 0 and exists (select from tracker.batch o where o.batch <> b.batch);
