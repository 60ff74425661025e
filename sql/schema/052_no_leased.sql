-- How many jobs a stage has in hand follows from its other counts (read_counts), so that a claim of
-- stage A has no count to keep.

alter table tracker.tally drop column leased;

-- With one parameter less, and one column less.
drop function if exists tracker.add_tally(int2[], int8[], int8[], int8[], int8[], int8[], int8[]);
drop function if exists tracker.give_back(int2[], int8[], uuid[], int8[], int4[], boolean[], timestamptz[],
	text[], text[], int4, int4, int4);
