-- Who brings nothing but bad ends rests for a while, so that they do not take work that others could do.

-- Ends in a row since the last result: bad_row that were failed or abandoned, soft_row that were flagged
-- or let go. rest_until: nothing is handed out to it before.
alter table tracker.worker add column bad_row int not null default 0;
alter table tracker.worker add column soft_row int not null default 0;
alter table tracker.worker add column rest_until timestamptz not null default '-infinity';
