-- Has one of these workers failed, flagged or let go one of these jobs before, or been sent away with it?
--
-- Caller	deal_stage.
-- Answer	yes or no.
-- Errors	none.
-- Locks	none.
-- Index	strike by (stage, job); see sent_away.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.has_struck(p_stage int2, p_jobs int8[], p_workers int8[])
returns boolean
language plpgsql
stable
as $$
begin
	return exists (
		select from unnest(p_jobs) as u(job)
		join tracker.strike s on s.stage = p_stage and s.job = u.job
		where s.worker = any (p_workers) and (s.kind in ('failed', 'flagged') or s.chosen)
			or s.kind = 'released' and not s.chosen and s.reason in ('dropped', 'banned')
				and tracker.sent_away(p_stage, u.job, p_workers) <> '{}');
end $$;
