"""README and bin/doc: links lead somewhere, commands are as the programs have them, and each block of them is run."""
import functools
import os
import re
import subprocess

import psycopg2
import pytest

from client import Fleet
from stack import ROOT
from waiting import eventually

PAGES = ["README.md", *sorted(f"bin/doc/{name}" for name in os.listdir(os.path.join(ROOT, "bin", "doc")))]
PROGRAMS = ("admin", "export", "load", "worker")

# Each block of shell, by words that only it has, and who runs it: a test here, or a file, as seen from this folder.
RUN_BY = {
    "git clone REPOSITORY": "test_quickstart.py",
    "--brace 's3://bucket": "test_ones_own_project_in_five_lines",
    "batch cancel wrong": "test_two_deliveries_an_urgent_one_and_a_mistake",
    "--jobs 4 -- ./process.sh": "test_a_volunteer_works_along",
    "distcompute-worker@cluster": "test_a_machine_that_works_for_months_has_a_file",
    "until python3 my-worker.py": "test_a_script_that_dies_is_started_again_until_it_ends_well",
    "/api/new?stage=a&nickname=Ada": "test_the_api_by_curl",
    "sudo systemctl daemon-reload && sudo systemctl enable --now distcompute-tracker": "../deb/run",
    "snippets/books-": "test_edge.py",
    "undo --person Mallory --dry-run": "test_what_is_spoilt_is_repaired",
    "miner 9": "test_repair.py",
    "psql -XAt exampletracker": "test_open_jobs_are_taken_over_from_the_original",
}


def text_of(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return f.read()


def blocks(language="sh"):
    """(page, block) of each fenced block, its indentation taken away."""
    found = []
    for page in PAGES:
        for indent, body in re.findall(rf"(?ms)^( *)```{language}\n(.*?)^ *```$", text_of(page)):
            found.append((page, re.sub(rf"(?m)^{indent}", "", body)))
    return found


def block(words):
    (found,) = [body for _, body in blocks() if words in body]
    return found


def shell(script, **variables):
    """What it printed; fails when any line of it does."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90)
    assert done.returncode == 0, f"exit {done.returncode}\n{script}\n{done.stdout}"
    return done.stdout


# --- what is written --------------------------------------------------------------------------

@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if not target.startswith("https://"):
            assert os.path.exists(os.path.join(ROOT, os.path.dirname(page), target)), target


def test_every_page_is_reached_from_the_readme():
    reached = set(re.findall(r"\((bin/doc/[\w-]+\.md)\)", text_of("README.md")))
    assert reached == set(PAGES[1:])


def test_every_page_is_installed_beside_the_others():
    makefile = text_of("Makefile.am").replace("\\\n", " ")
    installed = re.search(r"(?m)^nobase_dist_doc_DATA = (.*)$", makefile).group(1).split()
    assert set(PAGES) <= set(installed)
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
            if not target.startswith("https://"):
                assert os.path.normpath(os.path.join(os.path.dirname(page), target)) in installed, target


@pytest.mark.parametrize("page", ["bin/doc/operate.md", "bin/deb/distcompute-tracker.README.Debian", "nginx/tracker-plain.conf"])
def test_a_certificate_that_certbot_renews_is_read_by_nginx(page):
    """Else the site goes on with the first one, until it is too old after three months."""
    lines = [line for line in text_of(page).splitlines() if "certbot certonly" in line]
    assert lines and all("--deploy-hook 'systemctl reload nginx'" in line for line in lines)


def test_somebody_runs_each_block_of_commands():
    here = globals()
    for page, body in blocks():
        (by,) = [by for words, by in RUN_BY.items() if words in body] or [None]
        assert by, f"nobody runs this of {page}:\n{body}"
        assert by in here or os.path.exists(os.path.join(ROOT, "tests", "integration", by)), by
    for words in RUN_BY:
        assert block(words)


@pytest.mark.parametrize("page, body", blocks(), ids=lambda v: v if v.endswith(".md") else "")
def test_a_block_is_shell(page, body):
    done = subprocess.run(["bash", "-n", "-c", body], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


@functools.lru_cache
def help_of(folder, program, *command):
    return subprocess.run([os.path.join(folder, f"distcompute-{program}"), *command, "--help"], stdout=subprocess.PIPE, text=True).stdout


def test_every_option_is_one_that_the_program_has(tracker):
    folder = tracker.read_status()["bin"]
    asked = 0
    for page in PAGES:
        for program, words in re.findall(rf"distcompute-({'|'.join(PROGRAMS)})((?:[ \t]+(?![|&;>`])[^\s|&;>`]+)*)", text_of(page)):
            before = re.split(r"\s--\s", words)[0]
            command = [w for w in before.split()[:1] if program == "admin" and w[0] != "-"]
            for option in re.findall(r"(?<!\S)(--[a-z][a-z0-9-]+)", before):
                known = help_of(folder, program, *command) + help_of(folder, program)
                assert re.search(rf"{option}\b", known), f"{page}: distcompute-{program} {' '.join(command)} {option}"
                asked += 1
    assert asked > 10


# --- what is run ------------------------------------------------------------------------------

@pytest.fixture
def at(fresh, tmp_path):
    """A folder with a ./process.sh, where the programs are found and know the stack."""
    script = tmp_path / "process.sh"
    script.write_text("#!/bin/sh\ntr a-z A-Z\n")
    script.chmod(0o755)
    for program in PROGRAMS:
        given = f'--config "{fresh.config}"' if program != "worker" else f'--cacert "{fresh.certificate}" --exit-when-idle 2 --grace 1'
        wrapper = tmp_path / "bin" / f"distcompute-{program}"
        wrapper.parent.mkdir(exist_ok=True)
        # What goes before "--", which ends the options, goes first.
        first = f'first=$1; shift; set -- "$first" {given} "$@"' if program == "admin" else f'set -- {given} "$@"'
        wrapper.write_text(f'#!/bin/bash\n{first}\nexec "{fresh.read_status()["bin"]}/distcompute-{program}" "$@"\n')
        wrapper.chmod(0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    return lambda script, **more: shell(f'cd "{tmp_path}"\n{script}', PATH=path, XDG_STATE_HOME=str(tmp_path), **more)


def test_ones_own_project_in_five_lines(fresh, at):
    """As written but for how much: two jobs, workers and an export that end. quickstart itself has tests of its own."""
    body = block("--brace 's3://bucket").splitlines()
    assert len(body) == 5 and body[0].startswith("bin/quickstart --empty --tracker-ini my.ini")
    script = "\n".join(body[1:]).replace("bin/quickstart --status", f"{ROOT}/bin/quickstart --state {fresh.state} --status")
    script = script.replace("{00000..41999}", "{00000..00001}").replace("--follow", "").replace(" -- ", " --exit-when-idle 1 -- ")
    script = script.replace("--stage b", "--stage a")  # nobody works in stage B here
    at(script)
    assert at("cat results.jsonl").count("S3://BUCKET/0000") == 2


def test_two_deliveries_an_urgent_one_and_a_mistake(fresh, at):
    said = at(block("batch cancel wrong"), bin=fresh.read_status()["bin"], config=str(fresh.config))
    assert "2000 jobs are cancelled" in said
    shown = said[said.index("name "):].splitlines()
    assert [line.split()[0] for line in shown[1:]] == ["urgent", "March"]
    urgent = Fleet(fresh, "a").take(8)
    assert {job["data"][:5] for job in urgent} == {"list/"}


def test_a_volunteer_works_along(fresh, at):
    fresh.load(["one", "two"])
    at(block("--jobs 4 -- ./process.sh").replace("https://tracker.example", fresh.url))
    assert fresh.one("select count(*) from tracker.output") == 2
    assert fresh.one("select nickname from tracker.person") == "Your name"


def test_a_machine_that_works_for_months_has_a_file(fresh, at, tmp_path):
    """The file is made as written; systemd, which is not here, would start what the unit says."""
    fresh.load(["one", "two"])
    script = block("distcompute-worker@cluster").replace("sudo ", "").replace("/usr/local/etc", str(tmp_path))
    script = script.replace("https://tracker.example", fresh.url).replace("/srv/process.sh", "./process.sh")
    script = "".join(line for line in script.splitlines(keepends=True) if "systemd" not in line and "systemctl" not in line)
    at(script)
    at(f"distcompute-worker --config {tmp_path}/distcompute-worker/cluster.conf")
    assert fresh.one("select count(*) from tracker.output") == 2
    assert fresh.one("select nickname from tracker.person") == "Cluster 2"


def test_a_script_that_dies_is_started_again_until_it_ends_well(at):
    at("echo 'import os, sys; open(\"runs\", \"a\").write(\"x\"); sys.exit(os.path.getsize(\"runs\") < 3)' > my-worker.py")
    at(block("until python3 my-worker.py").replace("sleep 60", "sleep 0.1"))
    assert at("cat runs") == "xxx"


def test_the_api_by_curl(fresh, at):
    fresh.load(["one", "two", "three"])
    script = block("/api/new?stage=a&nickname=Ada").replace("https://tracker.example", fresh.url)
    assert '"jobs"' in at(script.replace("curl ", f"curl -sS --cacert {fresh.certificate} "))
    assert fresh.one("select count(*) from tracker.lease") == 2


def test_what_is_spoilt_is_repaired(fresh, at):
    """Line for line; what is undone since November and taken back is named by its number there."""
    fresh.load([f"j{i}" for i in range(4)])
    mallory, ada = Fleet(fresh, "a", "Mallory"), Fleet(fresh, "a", "Ada")
    for f in (mallory, ada):
        for job in f.take(2):
            f.done(job)
    lines = block("undo --person Mallory --dry-run").replace("labels; distcompute", "labels\ndistcompute").splitlines()
    live = lambda: fresh.one("select count(*) from tracker.output")  # noqa: E731
    at(lines[0])
    assert live() == 4
    said = at(lines[1])
    assert live() == 2
    back = re.search(r"undo --back (\d+)", said).group(1)
    at(lines[2].replace("2026-11-01 12:00", "2020-01-01 12:00"))
    assert live() == 0
    (line,) = [line for line in lines if "undo --back" in line]
    at(line.replace("--back 17", f"--back {back}"))
    assert live() == 2
    fresh.sql("update tracker.batch set name = 'extra'")
    fleet = Fleet(fresh, "a")
    for words in ("undo --batch extra", "undo --address"):
        (line,) = [line for line in lines if words in line]
        at(line.replace("192.0.2.0/24", "0.0.0.0/0"))
        assert live() == 0
        fleet.done(fleet.take()[0])
    for line in lines[6:]:
        at(line)
    assert "Mallory" in at("distcompute-admin audit")


def test_open_jobs_are_taken_over_from_the_original(fresh, at):
    with psycopg2.connect(f"host={fresh.state}/run dbname=tracker user=tracker") as db:
        db.cursor().execute("create schema original; create table original.job (number int, stage text, closed boolean, data_a json);"
                            "insert into original.job values (1, 'a', false, '\"x\"'), (2, 'a', true, '\"y\"'), (3, 'a', false, '[1]')")
    try:
        script = block("psql -XAt exampletracker").replace(
            "psql -XAt exampletracker", f'psql -XAt "host={fresh.state}/run dbname=tracker user=tracker options=-csearch_path=original"')
        at(script)
        assert fresh.sql("select data from tracker.job order by number") == [("x",), ("<!json!>[1]",)]
    finally:
        fresh.sql("drop schema original cascade")


def test_the_api_page_names_every_call(fresh):
    """And the document that the site serves is found where the page says."""
    page = text_of("bin/doc/api.md")
    document = eventually(lambda: Fleet(fresh).api.get("/static/openapi.json").json(), what="the document")
    for path in document["paths"]:
        assert path.split("{")[0].rstrip("/") in page, path
