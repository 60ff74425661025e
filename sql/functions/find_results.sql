-- Results by who made them and when: what an undo would set aside.
--
-- A condition that is null is none; all that are given must hold. At least one of them but
-- of_stage and until must be given, so that a forgotten word does not mean everything.
--
-- Caller	undo_count, undo_begin. of_worker: its name, of that stage or of any. of_address: one, or a network;
--		when addresses are forgotten, an IPv4 address or /24 is still known, and an IPv6 /64 or /56.
--		of_batch: its name.
-- Answer	the results themselves, not what was made of them later.
-- Errors	TR002: nothing is known by that name, or no condition was given.
-- Locks	none. Reads all results of the times in which one of the workers concerned was here.
-- Index	person by nickname; worker_person; batch by name; output_finished, or by key, or none: as the planner finds
--		best for these times, which it therefore must know.
drop function if exists tracker.find_results(text, text, int2, timestamptz, timestamptz, cidr, text);
create or replace function tracker.find_results(of_person text, of_worker text, of_stage int2,
	since timestamptz, until timestamptz, of_address cidr default null,
	of_label text default null, of_batch text default null)
returns table (stage int2, job int8, lease uuid)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_nestloop = on
set jit = off
as $$
#variable_conflict use_column
declare
	c_apart constant interval := '10 minutes';	-- times that are closer to each other are one
	v_when tstzmultirange := case when since > until then '{}' else tstzmultirange(tstzrange(since, until)) end;
	v_first int8 := 1;
	v_last int8 := 9223372036854775807;
	-- What is kept of an address is that of one, or of the network that it is in.
	v_origin int8 := case when masklen(of_address) = case family(of_address) when 4 then 32 else 64 end
		then tracker.hash_address(of_address, 32) end;
	v_network int8 := case when masklen(of_address) = case family(of_address) when 4 then 24 else 56 end
		then tracker.hash_address(of_address, 24) end;
	v_people int8[];
	v_workers int8[];
	v_here tstzmultirange;
	v_from timestamptz;
	v_to timestamptz;
begin
	if coalesce(of_person, of_worker, of_address::text, of_label, of_batch) is null and since is null then
		raise exception 'say whose results, or since when' using errcode = 'TR002';
	end if;
	if of_batch is not null then
		select b.first, b.last into v_first, v_last from tracker.batch b where b.name = of_batch;
		if not found then
			raise exception 'there is no batch "%"', of_batch using errcode = 'TR002';
		end if;
	end if;
	if coalesce(of_person, of_worker, of_address::text, of_label) is not null then
		v_people := array(select tracker.ids_of_person(of_person));
		select array_agg(w.id), range_agg(tstzrange(least(w.created, w.gone_at), w.gone_at + c_apart)) filter (where w.done > 0)
		into v_workers, v_here
		from tracker.worker w
		where (of_person is null or w.person = any (v_people))
			and (of_worker is null or w.name = of_worker)
			and (of_worker is null or of_stage is null or w.stage = of_stage)
			and (of_address is null or w.address <<= of_address
				or w.address is null and (w.origin = v_origin or w.network = v_network))
			and (of_label is null or lower(w.label) = lower(of_label));
		if v_workers is null then
			raise exception 'no such worker or person' using errcode = 'TR002';
		end if;
		v_when := v_when * v_here;
	end if;
	for v_from, v_to in
		select coalesce(lower(u.span), '-infinity'), coalesce(upper(u.span), 'infinity') from unnest(v_when) as u(span)
	loop
		return query
			select o.stage, o.job, o.lease from tracker.output o
			where (of_stage is null or o.stage = of_stage) and o.job between v_first and v_last
				and o.finished >= v_from and o.finished < v_to
				and (v_workers is null or o.worker = any (v_workers));
	end loop;
end $$;
