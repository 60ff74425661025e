-- Pauses the batches that are to blame for what fails in them, and takes these ends off the rests of their workers:
-- where, of the workers with an end in one stage of it lately or with work of it in hand, more than three quarters had
-- mostly bad ends, and these are of three people and networks, or of as many as are about (count_crowd). What is wrong
-- itself fails nearly everybody; a crowd of strangers can be half of those who were first. Nor are many workers of one
-- person, or of one network, more than the others are: the same share is asked for when each person, and each network,
-- counts as one. And where three people of three networks who have brought results before are among them, only who has
-- says what the work is worth: tokens cost nothing. Twenty ends say enough, or five of each where fewer than four workers are about, for who rests longer
-- and longer brings few.
-- Lately: in 15 minutes, in the last 2000 bad ends, or in the last 20,000 results of the stage, whichever is the
-- shortest; and since it was last resumed. A bad end is an attempt that failed, was abandoned or flagged, or that its
-- worker let go; silence is not the work's fault.
-- Where results are four times as many as bad ends, nothing is to blame but who makes these.
--
-- Caller	run/keeper.c, every few seconds, with the setting pause_on_failures.
-- Answer	the batches that are paused now, and why, for people.
-- Errors	none: where the barrier is not had within two seconds, the next call tries again.
-- Locks	see pause_batch; then rows of worker, in order of id.
-- Index	strike by id, from its end; batch by first; see read_results; worker by id; lease by key, whose rows are read
--		of a batch that is to be paused but for them.
create or replace function tracker.judge_batches(out batch int4, out name text, out why text)
returns setof record
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_lately constant interval := '15 minutes';
	c_ends constant int4 := 20;		-- fewer say nothing, or
	c_each constant int4 := 5;		-- of each worker
	c_bad constant int4 := 2000;		-- bad ends that are looked at
	c_good constant int4 := 20000;		-- results that are looked at
	c_outweigh constant int4 := 4;
	c_nearly_all constant numeric := 0.75;
	c_several constant int4 := 3;		-- people, or networks
	c_patience_s constant int4 := 2;
	v_from timestamptz;	-- as far as the bad ends that are looked at go back
	s record;
	r record;
	j record;
	w record;
begin
	v_from := greatest(clock_timestamp() - c_lately, (
		select k.at from tracker.strike k order by k.id desc offset c_bad - 1 limit 1));
	for s in
		select c.stage, g.people, g.networks, array_agg(c.batch order by c.first) as batches,
			array_agg(c.name order by c.first) as names, array_agg(c.first order by c.first) as firsts,
			array_agg(c.last order by c.first) as lasts, array_agg(greatest(v_from, c.judged_from) order by c.first) as since
		from (
			select q.batch, q.name, q.first, q.last, q.judged_from, k.stage
			from (
				select l.stage, l.job, l.kind, l.chosen, l.at from tracker.strike l
				order by l.id desc limit c_bad) k
			join tracker.batch q on q.batch = tracker.batch_of(k.job)
			where k.at >= v_from and tracker.is_bad_end(k.kind, k.chosen) and k.at > q.judged_from
				and not q.paused and not q.cancelled
			group by q.batch, q.name, q.first, q.last, q.judged_from, k.stage
			having count(*) >= c_each) c
		join tracker.stage g on g.stage = c.stage
		group by c.stage, g.people, g.networks
		order by c.stage
	loop
		r := tracker.read_results(s.stage, v_from, c_good);
		for j in
			select e.n, sum(e.bad)::int8 as bad,
				sum(e.good)::int8 as good, array_agg(e.worker) as workers, array_agg(e.bad > e.good) as fails,
				array_agg(e.worker) filter (where e.bad > 0) as failing,
				array_agg(e.hard) filter (where e.bad > 0) as hard,
				array_agg(e.soft) filter (where e.bad > 0) as soft
			from (
				select coalesce(b.n, g.n) as n, coalesce(b.worker, g.worker) as worker, coalesce(b.ends, 0) as bad,
					coalesce(g.ends, 0) as good, b.hard, b.soft
				from tracker.read_bad_ends(s.stage, s.firsts, s.lasts,
					array(select greatest(u.since, r.from_when) from unnest(s.since) with ordinality as u(since, n) order by u.n),
					c_bad) b
				full join (
					select u.n, u.worker, count(*) as ends
					from (
						select width_bucket(v.job, s.firsts) as n, v.*
						from unnest(r.jobs, r.workers, r.times) as v(job, worker, at)) u
					where u.job <= s.lasts[u.n] and u.at > s.since[u.n]
					group by u.n, u.worker) g on g.n = b.n and g.worker = b.worker) e
			group by e.n
			having sum(e.bad) >= c_each and sum(e.good) <= sum(e.bad) * c_outweigh
				and count(*) filter (where e.bad > e.good) > count(*) * c_nearly_all
			order by e.n
		loop
			with a as materialized (
				select q.person, coalesce(q.network, 0) as network, h.fails, q.done > 0 as known
				from (
					select x.worker, bool_or(x.fails) as fails
					from (
						select v.worker, v.fails from unnest(j.workers, j.fails) as v(worker, fails)
						union
						select l.worker, false from tracker.lease l
						where l.stage = s.stage and l.job between s.firsts[j.n] and s.lasts[j.n]) x
					group by x.worker) h
				join tracker.worker q on q.id = h.worker),
			u as materialized (
				select * from a
				where a.known or (
					select least(count(distinct k.person), count(distinct k.network)) < c_several
					from a k where k.known))
			select count(*) as workers, count(*) filter (where u.fails) as mostly, avg(u.fails::int4) as share,
				count(distinct u.person) filter (where u.fails) as people,
				count(distinct u.network) filter (where u.fails) as networks, (
					select avg(p.share) from (
						select avg(u.fails::int4) as share from u group by u.person) p) as of_people, (
					select avg(n.share) from (
						select avg(u.fails::int4) as share from u group by u.network) n) as of_networks
			into w from u;
			continue when least(w.share, w.of_people, w.of_networks) <= c_nearly_all
				or w.people < least(c_several, s.people) or w.networks < least(c_several, s.networks)
				or j.bad + j.good < case when w.workers = 1 then c_ends else least(c_ends, c_each * w.workers) end;
			batch := s.batches[j.n];
			name := s.names[j.n];
			why := format('%s of %s workers fail it: %s bad ends and %s %s lately', w.mostly, w.workers, j.bad, j.good,
				case j.good when 1 then 'result' else 'results' end);
			begin
				continue when not tracker.pause_batch(batch, why, c_patience_s);
			exception when lock_not_available then
				continue;
			end;
			perform tracker.spare_rest(j.failing, j.hard, j.soft);
			return next;
		end loop;
	end loop;
end $$;
