-- Results in the order in which they were finished. Block ranges (050) found the last ones only while rows arrived in that
-- order: after an undo new results are put where old ones were, all over the table. This index costs a completion
-- as much as that one, and is read from its end.
drop index tracker.output_finished;
create index output_finished on tracker.output (finished);
