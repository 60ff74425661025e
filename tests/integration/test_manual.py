"""The manual pages and the completion in a shell: made from what the programs say, and sound."""
import os
import re
import shutil
import subprocess

import pytest

from stack import BUILD, ROOT, program

PROGRAMS = {"distcompute-admin": 1, "distcompute-export": 1, "distcompute-load": 1, "distcompute-worker": 1, "distcompute-tracker": 8}
PAGES = [*(f"{BUILD}/bin/man/{name}.{section}" for name, section in PROGRAMS.items()), f"{BUILD}/bin/man/tracker.ini.5",
         f"{ROOT}/bin/man/distcompute-tracker.7"]


def shown(path):
    """A page as a reader sees it, and what man complains of."""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-P", "cat", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, "MANWIDTH": "200", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"},
                          check=True)
    return re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout), done.stderr


def help_of(name, *words):
    return subprocess.run([program(name), *words, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def options_of(name, *words):
    return set(re.findall(r"^ .*?(--[a-z][a-z-]*)", help_of(name, *words), re.M))


@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
@pytest.mark.parametrize("path", PAGES, ids=os.path.basename)
def test_a_page_is_sound(path):
    text, complaints = shown(path)
    assert complaints == ""
    for heading in ("NAME", "DESCRIPTION", "SEE ALSO"):
        assert re.search(rf"^{heading}$", text, re.M), heading


@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
@pytest.mark.parametrize("name,section", PROGRAMS.items())
def test_a_page_has_every_option(name, section):
    text, _ = shown(f"{BUILD}/bin/man/{name}.{section}")
    assert {option for option in options_of(name) if option not in text.replace("\u2010", "-")} == set()


@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
def test_the_page_of_admin_has_every_command_and_that_of_settings_every_setting():
    commands = subprocess.run([program("distcompute-admin"), "--commands"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    text, _ = shown(f"{BUILD}/bin/man/distcompute-admin.1")
    assert "undo" in commands and [c for c in commands if not re.search(rf"^ +{c}\b", text, re.M)] == []
    sample = subprocess.run([program("distcompute-admin"), "settings", "--sample"], stdout=subprocess.PIPE, text=True, check=True).stdout
    text, _ = shown(f"{BUILD}/bin/man/tracker.ini.5")
    settings = re.findall(r"^#(\w+) =", sample, re.M)
    assert len(settings) > 20 and [s for s in settings if not re.search(rf"^ +{s}\b", text, re.M)] == []


def completed(*words):
    """What bash offers for the last of the words."""
    script = (f"source {ROOT}/bin/completion/distcompute.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _distcompute;"
              " printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True, check=True, cwd="/")
    return set(done.stdout.split())


def test_bash_completes_options_commands_and_files():
    admin = program("distcompute-admin")
    assert {"--append", "--config"} <= completed(program("distcompute-load"), "--")
    assert completed(admin, "pa") == {"pause"}
    assert completed(admin, "--config", "x.ini", "failed", "--st") == {"--stage"}
    assert "--idle-timeout" not in completed(admin, "--")
    assert "etc" in completed(program("distcompute-load"), "et")


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_zsh_reads_its_completion():
    subprocess.run(["zsh", "-n", f"{ROOT}/bin/completion/_distcompute"], check=True)
