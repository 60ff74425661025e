"""earlier -- the tree of the commit that tests/oldest-beside names, out of the repository's own history."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def oldest():
    with open(os.path.join(ROOT, "tests", "oldest-beside"), encoding="utf-8") as f:
        return f.read().split()[-1]


def unpack(folder):
    """The earlier tree, in this folder; without history (a tarball, a shallow clone) the test is skipped."""
    commit = oldest()
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", ROOT]
    here = subprocess.run([*git, "cat-file", "-e", f"{commit}^{{commit}}"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if here.returncode != 0:
        pytest.skip(f"no history here that reaches back to {commit[:12]}, which tests/oldest-beside names")
    os.makedirs(folder, exist_ok=True)
    with subprocess.Popen([*git, "archive", commit], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as tree:
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=tree.stdout, check=True)
    assert tree.returncode == 0
    return str(folder)
