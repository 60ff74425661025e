"""Settings: where they come from, in what order, and that a wrong one says where it stands."""
import os
import re
import subprocess

import pytest

from stack import ROOT, program

TRACKER = "distcompute-tracker"


def run(*args, ini=None, tmp_path=None, env=None, name=TRACKER):
    argv = [program(name)]
    if ini is not None:
        path = tmp_path / "tracker.ini"
        path.write_text(ini)
        argv += ["--config", str(path)]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
    return subprocess.run([*argv, *args], env={**clean, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=20)


def printed(*args, **kwargs):
    done = run("--print-config", *args, **kwargs)
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", done.stdout, re.M))


def test_defaults_are_those_of_the_original(tmp_path):
    values = printed(ini="[tracker]\n", tmp_path=tmp_path)
    for key, value in {"idle_timeout": "7200", "eta_interval": "900", "eta_samples": "10", "page_cache": "30", "flag_limit": "5",
                       "max_attempts": "10", "retry_backoff": "30", "retry_backoff_max": "3600", "processes": "1"}.items():
        assert re.match(rf"{value}\b", values[key]), (key, values[key])


def test_file_then_environment_then_flags(tmp_path):
    ini = "[tracker]\nidle_timeout = 100\nflag_limit = 3\nmax_attempts = 4\n"
    values = printed("--max-attempts=9", ini=ini, tmp_path=tmp_path, env={"TRACKER_MAX_ATTEMPTS": "8", "TRACKER_FLAG_LIMIT": "7"})
    assert [re.match(r"\d+", values[k])[0] for k in ("idle_timeout", "flag_limit", "max_attempts")] == ["100", "7", "9"]


@pytest.mark.parametrize("line,says", [
    ("idle_timeout = soon", "idle_timeout"), ("idle_timeout = -5", "idle_timeout"), ("idle_timeout =", "idle_timeout"),
    ("idle_timeout = 99999999999999999999", "idle_timeout"), ("processes = 0", "processes"), ("flag_limit = 0", "flag_limit"),
    ("no_such_setting = 1", "no_such_setting"), ("listen = nowhere", "listen"), ("body_limit = 16Q", "body_limit"),
    ("public_data = maybe", "public_data"), ("stage_b = " + "x" * 65, "stage_b"), ("stage_b = a/b", "stage_b"),
    ("stage_b = A", "stage_b"), ("this is no setting", ""), ("redis = ftp://x", "redis")])
def test_a_wrong_setting_is_an_error_with_file_and_line(tmp_path, line, says):
    done = run("--check-config", ini=f"[tracker]\nproject = P\n\n{line}\n", tmp_path=tmp_path)
    assert done.returncode != 0
    assert f"{tmp_path}/tracker.ini:4" in done.stderr, done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("ini", ["[tracker]\nstage_a =\n", "[tracker]\nstage_a = A\nstage_c = C\n", "[tracker]\nstage_a = X\nstage_b = x\n"])
def test_stages_need_a_first_no_hole_and_different_names(tmp_path, ini):
    done = run("--check-config", ini=ini, tmp_path=tmp_path)
    assert done.returncode != 0 and "stage" in done.stderr, done.stderr


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    done = run("--check-config", "--config", str(tmp_path / "none.ini"))
    assert done.returncode != 0 and "none.ini" in done.stderr


def test_a_wrong_environment_variable_names_itself(tmp_path):
    done = run("--check-config", ini="[tracker]\n", tmp_path=tmp_path, env={"TRACKER_IDLE_TIMEOUT": "soon"})
    assert done.returncode != 0 and "TRACKER_IDLE_TIMEOUT" in done.stderr, done.stderr


def test_a_good_file_passes(tmp_path):
    ini = f"[tracker]\nproject = P\nstage_a = One two\nstage_b = Three\nsql_dir = {ROOT}/sql\ntemplates_dir = {ROOT}/templates\n"
    done = run("--check-config", ini=ini, tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr


def test_secrets_are_masked_when_printed(tmp_path):
    ini = "[tracker]\npostgres = postgresql://u:s3cret@h/db\nredis = redis://:hush@h:1/0\n"
    done = run("--print-config", ini=ini, tmp_path=tmp_path)
    assert done.returncode == 0 and "s3cret" not in done.stdout and "hush" not in done.stdout


@pytest.mark.parametrize("name", ["distcompute-tracker", "distcompute-load", "distcompute-export", "distcompute-admin", "distcompute-worker"])
def test_help_version_and_misuse_of_every_program(name):
    shown = run("--help", name=name)
    assert shown.returncode == 0 and name in shown.stdout
    assert run("--version", name=name).returncode == 0
    wrong = run("--no-such-flag", name=name)
    assert wrong.returncode == 64 and "no-such-flag" in wrong.stderr


def listed(shown):
    """The long options that a help text lists."""
    return set(re.findall(r"^ .*?--([a-z-]+)", shown, re.M)) - {"help", "usage", "version"}


@pytest.mark.parametrize("name", ["distcompute-load", "distcompute-export", "distcompute-admin"])
def test_a_program_lists_the_settings_that_it_uses_and_says_where_the_others_are(name):
    shown = run("--help", name=name).stdout
    assert {"config", "postgres", "redis"} <= listed(shown)
    assert not {"idle-timeout", "processes", "templates-dir"} & listed(shown)
    assert "distcompute-admin settings --sample" in " ".join(shown.split())


def test_admin_shows_its_commands_before_anything_else():
    shown = run("--help", name="distcompute-admin").stdout
    assert 0 < shown.index("send-back JOB") < shown.index("--config")


def test_a_command_lists_its_own_options_only():
    for command, own in (("pause", {"json"}), ("failed", {"batch", "json", "stage"}), ("send-back", {"batch", "json", "reason", "stage"})):
        assert listed(run(command, "--help", name="distcompute-admin").stdout) == own


def test_a_setting_that_is_not_listed_may_still_be_a_flag(tmp_path):
    done = run("settings", "--idle-timeout=77", ini="[tracker]\n", tmp_path=tmp_path, name="distcompute-admin")
    assert done.returncode == 0 and "idle_timeout = 77" in done.stdout
