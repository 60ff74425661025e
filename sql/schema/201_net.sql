-- The first and the last minute of which anything stands (read_ends): behind an undo there may be thousands of which nothing does.
create index history_net on tracker.history (stage, minute) where done > withdrawn;
