"""Programs of before go on: what an earlier tracker calls is still there, with its parameters and its columns."""
import glob
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from earlier import unpack  # noqa: E402

# What runs on while another host is upgraded. A command of distcompute-admin is over at once.
AT_WORK = ("fcgi", "bin/export", "bin/load", "bin/tool")

FUNCTIONS = """
	select p.proname::text as name, coalesce(p.proargtypes::oid[]::regtype[]::text[], '{}') as takes, p.pronargdefaults as presets,
		p.prorettype::regtype::text as gives,
		array(select p.proargnames[i] || ' ' || p.proallargtypes[i]::regtype::text
			from generate_subscripts(p.proallargtypes, 1) i where p.proargmodes[i] in ('o', 't')) as columns
	from pg_proc p where p.pronamespace = 'tracker'::regnamespace"""


def called_by(tree):
    """The names of the functions in the SQL of these programs."""
    names = set()
    for folder in AT_WORK:
        for path in glob.glob(os.path.join(tree, folder, "**", "*.c"), recursive=True):
            with open(path, encoding="utf-8") as f:
                code = re.sub(r'"\s*\n?\s*"', "", f.read())  # a text may be written in pieces
            names.update(re.findall(r"tracker\.(\w+)\(", code))
    return names


def serves(new, old):
    """May whoever calls the old one call the new one?"""
    count = len(old.takes)
    return (new.takes[:count] == old.takes and len(new.takes) - new.presets <= count
            and set(old.columns) <= set(new.columns) and (old.columns or new.gives == old.gives))


@pytest.fixture(scope="module")
def earlier(server, tmp_path_factory):
    """(names that the earlier programs call, the functions of their database)"""
    tree = unpack(tmp_path_factory.mktemp("earlier"))
    server.fill("earlier", tree)
    with server.connect("earlier") as c:
        yield called_by(tree), c
    c.close()


def functions(connection):
    import psycopg2.extras
    with connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as c:
        c.execute(FUNCTIONS)
        return c.fetchall()


def test_what_an_earlier_tracker_calls_is_still_there_for_it(house, earlier):
    names, before = earlier
    now = functions(house.connection)
    old = [f for f in functions(before) if f.name in names]
    assert len(old) > 20 and len({f.name for f in old}) == len(names), names - {f.name for f in old}
    gone = [f"{f.name}({', '.join(f.takes)}) -> {', '.join(f.columns) or f.gives}" for f in old
            if not any(n.name == f.name and serves(n, f) for n in now)]
    assert gone == [], "keep these beside the new ones for one version (sql/README.md)"


@pytest.mark.parametrize("change, is_kept", [
    ("create or replace function tracker.hear(gap_s int4, grace_s int4, more int4 default 0) returns float8 language sql as 'select 0::float8';"
     " drop function tracker.hear(int4, int4)", True),
    ("drop function tracker.hear(int4, int4)", False),
    ("drop function tracker.hear(int4, int4); create function tracker.hear(gap_s int4, grace_s int4, more int4)"
     " returns float8 language sql as 'select 0::float8'", False),
    ("drop function tracker.hear(int4, int4); create function tracker.hear(gap_s int4, grace_s int4) returns int8 language sql"
     " as 'select 0::int8'", False)])
def test_the_comparison_itself(house, change, is_kept):
    before = [f for f in functions(house.connection) if f.name == "hear"]
    house.rows("begin")
    house.rows(change)
    after = [f for f in functions(house.connection) if f.name == "hear"]
    house.rows("rollback")
    assert any(serves(n, before[0]) for n in after) is is_kept
