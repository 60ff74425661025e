-- When a job of the stage was hurried last; null: none waits. It stands in a row that every claim reads anyway.
alter table tracker.stage add column hurried timestamptz;

-- These have other parameters, or another answer.
drop function if exists tracker.deal_stage(int2, int8[], int2[], int4[], timestamptz[], int8[], int8[], int4,
	uuid[], int8[], int4, boolean);
drop function if exists tracker.hurry_job(int2, int8);
drop function if exists tracker.set_batch(int4, int4, text, int4);
