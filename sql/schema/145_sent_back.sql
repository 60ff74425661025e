-- A worker's page tells how many of its results were sent back (read_worker).
create index refused_output_worker on tracker.refused_output (worker);
