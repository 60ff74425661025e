-- These have other parameters, or answer more.
drop function if exists tracker.deal_stage(int2, int8[], int2[], int4[], timestamptz[], int8[], int8[], int4,
	uuid[], int8[], int4, int4);
drop function if exists tracker.take_returned(int2, int4, int4, timestamptz, int8[]);
drop function if exists tracker.take_anew(int2, int4, int4, timestamptz, tid[]);
