"""The manual pages and the completion in a shell: made from what the programs say, and sound."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

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


# How a shell is made ready, where it looks like nothing else. Nobody waits in it: a prompt is the word that it is.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             f"bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; source {ROOT}/bin/completion/distcompute.bash; PS1='ready> '"),
    "zsh": (["zsh", "-f", "-i"],
            f"fpath=({ROOT}/bin/completion $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste beep; PS1='ready> '"),
}


class Terminal:
    """A shell at which somebody types."""

    def __init__(self, shell, folder):
        command, ready = SHELLS[shell]
        self.said = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", PATH=f"{BUILD}:{os.environ['PATH']}", HOME=str(folder), LC_ALL="C.UTF-8")
            os.chdir(folder)
            os.execvp(command[0], command)
        self.pid = pid
        self.types(f"{ready}; echo made''-ready\n", until="made-ready\r\n")
        self.types("", until="ready> ")

    def types(self, text, until):
        """What the terminal shows from here on, once that is among it."""
        os.write(self.fd, text.encode())
        deadline = time.monotonic() + 60
        while until not in self.said:
            assert time.monotonic() < deadline, f"{until!r} is not in {self.said!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.said += os.read(self.fd, 65536).decode(errors="replace")
        shown, self.said = self.said.split(until, 1)
        return shown + until

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.mark.parametrize("shell", [pytest.param(s, marks=pytest.mark.skipif(not shutil.which(s), reason=f"no {s} here")) for s in SHELLS])
def test_a_tab_completes_what_was_begun(shell, tmp_path):
    (tmp_path / "jobs-of-march.txt").write_text("")
    terminal = Terminal(shell, tmp_path)
    try:
        for typed, shown in (("distcompute-admin pau", "distcompute-admin pause "), ("distcompute-worker --max-mem", "--max-memory"),
                             ("distcompute-admin --config jobs-of-march.txt failed --sta", "failed --stage"),
                             ("distcompute-load --app", "--append"), ("distcompute-load --txt job", "--txt jobs-of-march.txt"),
                             ("distcompute-export --form", "--format"), ("distcompute-tracker --check", "--check-config")):
            terminal.types(typed + "\t", until=shown)
            os.write(terminal.fd, b"\x15")  # the line is taken away
    finally:
        terminal.close()
