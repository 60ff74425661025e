-- An address, cut to so many bits, as a number that tells nothing without the project's secret.
--
-- Caller	open_workers. bits: 32 for blame (of an IPv6 address 64), 24 to tell people apart (of an IPv6
--		one 56).
-- Answer	64 bits of a keyed hash; null for a null address.
-- Errors	none.
-- Locks	none.
-- Index	none: project is one row.
-- Source	sha256 over key and message: both have a fixed length, so nothing can be appended.
create or replace function tracker.hash_address(address inet, bits int4)
returns int8
language sql
stable
strict
set search_path = pg_catalog, pg_temp
as $$
	select ('x' || encode(substr(sha256(p.secret || inet_send(network(set_masklen(address,
		case when family(address) = 4 then bits when bits = 32 then 64 else 56 end))::inet)),
		1, 8), 'hex'))::bit(64)::int8
	from tracker.project p
$$;
