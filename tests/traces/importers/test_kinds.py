"""Kinds and effects of tools: what is known of a name, and of a command line, and that unknown tools stay unknown."""

import tomllib

import pytest

from asyncfc_sim._resources import data_path
from asyncfc_sim.traces.importers.kinds import command_line, effect_of, kind_of

TOOLS = {  # tool: kind, effect
    "Read": ("read", "read"),
    "read_file": ("read", "read"),
    "Grep": ("grep", "read"),
    "Glob": ("glob", "read"),
    "LS": ("glob", "read"),
    "Edit": ("edit", "write"),
    "MultiEdit": ("edit", "write"),
    "apply_patch": ("edit", "write"),
    "Write": ("write", "write"),
    "TodoWrite": ("todo_write", "write"),
    "update_plan": ("todo_write", "write"),
    "WebFetch": ("web_fetch", "read"),
    "WebSearch": ("web_search", "read"),
    "web_search": ("web_search", "read"),
    "Task": ("sub_agent", None),
    "write_stdin": (None, None),
    "mcp__github__create_issue": (None, None),
    "": (None, None),
}
COMMANDS = [  # command, kind, effect
    ("ls -la", "bash_inspect", "read"),
    ("cd /testbed && grep -rn 'x > 1' src | head -20", "bash_inspect", "read"),
    ("cat a.txt 2>/dev/null || echo none 2>&1", "bash_inspect", "read"),
    ("find . -name '*.py' \\( -size +1k -o -empty \\)", "bash_inspect", "read"),
    ("find . -name '*.pyc' -delete", "bash_other", "write"),
    ('grep "(" a.py; sed -n "1,20p" a.py', "bash_inspect", "read"),
    ("sed -i 's/a/b/' a.py", "bash_other", "write"),
    ("cat <<'EOF' > a.py\nimport pytest\nEOF", "bash_other", "write"),
    ("cat <<EOF\npytest > x\nEOF", "bash_inspect", "read"),
    ("# run the tests\nls", "bash_inspect", "read"),
    ("rm -rf build", "bash_other", "write"),
    ("git status", "bash_git", "read"),
    ("git -P log --oneline", "bash_git", "read"),
    ("git checkout -- a.py", "bash_git", "write"),
    ("python repro.py", "bash_python", "write"),
    ("PYTHONPATH=. timeout 60 /usr/bin/python3.11 -c 'print(1)\nprint(2)'", "bash_python", "write"),
    ("python -m pytest -q", "bash_test", "write"),
    ("pytest tests/ | tail -3", "bash_test", "write"),
    ("cd repo && ./tests/runtests.py admin", "bash_test", "write"),
    ("bin/test sympy/core", "bash_test", "write"),
    ("test -f a.py && cat a.py", "bash_inspect", "read"),
    ("python manage.py test app", "bash_test", "write"),
    ("npm test", "bash_test", "write"),
    ("uv run pytest", "bash_test", "write"),
    ("pip install -e .", "bash_install", "write"),
    ("python -m pip install pytest", "bash_install", "write"),
    ("apt-get update && apt-get install -y graphviz", "bash_install", "write"),
    ("bash -c 'ls | wc -l'", "bash_inspect", "read"),
    ("bash -c 'make && rm x'", "bash_other", "write"),
    ("ls | xargs rm", "bash_other", "write"),
    ("for f in *.py; do cat $f; done", "bash_inspect", "read"),
    ("echo 'never closed", "bash_other", "write"),
    ("", "bash_other", "write"),
]


@pytest.mark.parametrize(("tool", "expected"), TOOLS.items())
def test_tools_by_name(tool, expected):
    assert (kind_of(tool, {}), effect_of(tool, {})) == expected


@pytest.mark.parametrize(("command", "kind", "effect"), COMMANDS)
def test_command_lines(command, kind, effect):
    args = {"command": command}
    assert (kind_of("Bash", args), effect_of("Bash", args)) == (kind, effect)


def test_every_kind_is_one_that_durations_are_known_of():
    kinds = tomllib.loads(data_path("models", "tools", "kinds.toml").read_text())["kinds"]
    named = {kind for kind, _ in TOOLS.values() if kind} | {kind for _, kind, _ in COMMANDS}
    assert named <= kinds.keys()
    assert len(named) > 10


def test_shells_of_other_clients():
    assert command_line({"cmd": "ls"}) == "ls"
    assert command_line({"command": ["bash", "-lc", "git diff > a.patch"]}) == "git diff > a.patch"
    assert command_line({"command": ["ls", "a file"]}) == "ls 'a file'"
    assert command_line({"command": 1}) is None
    assert (kind_of("functions.exec_command", {"cmd": "pytest"}), kind_of("shell", {"command": ["ls"]})) == (
        "bash_test",
        "bash_inspect",
    )


def test_a_shell_whose_command_is_not_recorded_may_be_anything():
    assert (kind_of("Bash"), effect_of("Bash")) == (None, None)
