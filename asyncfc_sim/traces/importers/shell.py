"""Command lines of a shell: what kind of work they do, and whether they only look at things.

A command line is told by its programs. One that runs tests anywhere in it is a test, whatever it prints besides. It is
"read" only if all of its programs are known to only look and nothing is redirected into a file; `cd` counts as looking.
Whatever is not known may write.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from asyncfc_sim.traces.sessions import Effect


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The kind of a line is the first of these that one of its commands has.
_ORDER: Final = ("bash_test", "bash_install", "bash_python", "bash_git", "bash_other", "bash_inspect")

_TESTS: Final = _words("pytest py.test tox nox unittest nosetests jest vitest mocha ctest runtests.py")
_INSTALLERS: Final = _words("pip pip3 conda mamba apt apt-get brew uv poetry gem")
_BUILDERS: Final = _words("npm pnpm yarn cargo go make mvn gradle bundle")  # what they do: the second word
_INSTALL: Final = frozenset({"install", "add", "ci", "sync"})
_PYTHON: Final = re.compile(r"(i|micro)?python[\d.]*|pypy\d*")
_LOOKING: Final = _words(
    "ls cat head tail grep egrep fgrep rg ag fd tree wc file stat du df pwd which whereis type command echo printf env "
    "printenv date whoami id uname ps nl sort uniq cut tr awk diff cmp less more basename dirname realpath readlink "
    "jq xxd hexdump od strings md5sum sha256sum column test [ true false cd sleep comm seq exit for"
)
_GIT_LOOKING: Final = _words(
    "status log diff show blame grep ls-files ls-tree rev-parse describe shortlog cat-file rev-list reflog"
)
_KEYWORDS: Final = _words("if then elif else fi while until do done { } ! time")
_WRAPPERS: Final = _words("sudo env timeout nohup nice xargs exec stdbuf")  # they run what follows
_SHELLS: Final = _words("bash sh zsh dash")

_HEREDOC: Final = re.compile(r"<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n.*?^\s*\2\s*$", re.DOTALL | re.MULTILINE)
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)
_LITERAL: Final = re.compile(r"\\[();|&]|'[();|&]+'|\"[();|&]+\"")  # an argument, not a sign of the shell's
_QUOTED: Final = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_NO_FILE: Final = re.compile(r"\d?>&\d|(?:\d|&)?>>?\s*/dev/null")  # redirections that write no file


def script_of(words: list[str]) -> str:
    """The command line that a list of words stands for: `["bash", "-lc", "ls"]` is `ls`."""
    match words:
        case [shell, flag, line] if _program(shell) in _SHELLS and flag.startswith("-") and "c" in flag:
            return line
    return shlex.join(words)


def line_kind(line: str) -> str:
    """The kind of work, one of models/tools/kinds.toml: bash_test, bash_install, bash_python, bash_git, ..."""
    kinds = {_kind(words) for words in _commands(line)}
    if _redirected(line):
        kinds.add("bash_other")
    return next((kind for kind in _ORDER if kind in kinds), "bash_other")


def line_effect(line: str) -> Effect:
    """Whether a command line only reads or may write."""
    commands = list(_commands(line))
    return "read" if commands and all(map(_looks, commands)) and not _redirected(line) else "write"


def _bare(line: str) -> str:
    """Without comments, here-documents, and redirections that write no file."""
    return _NO_FILE.sub(" ", _COMMENT.sub("", _HEREDOC.sub(r"\3", line.replace("\\\n", " "))))


def _redirected(line: str) -> bool:
    return ">" in _QUOTED.sub(" ", _bare(line))


def _commands(line: str) -> Iterator[list[str]]:
    """The simple commands of a line, each as its program and its words."""
    lexer = shlex.shlex(_LITERAL.sub("_", _bare(line)).replace("\n", " ; "), posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for token in lexer:
            if token and set(token) <= set("();|&"):
                yield from _unwrap(words)
                words = []
            else:
                words.append(token)
    except ValueError:  # a quote that is never closed: nothing is known of the rest
        yield ["?"]
    yield from _unwrap(words)


def _unwrap(words: list[str]) -> Iterator[list[str]]:
    while words:
        program = _program(words[0])
        if program in _KEYWORDS or re.match(r"\w+=", words[0]):
            words = words[1:]
        elif program in _WRAPPERS and len(words) > 1:
            words = words[1:]
            while words and re.match(r"-|[\d.]+[smhd]?$", words[0]):
                words = words[1:]
        elif program in _SHELLS and len(words) > 2 and words[1].startswith("-") and "c" in words[1]:
            yield from _commands(words[2])
            return
        else:
            yield words
            return


def _program(word: str) -> str:
    return PurePosixPath(word).name or word


def _kind(command: list[str]) -> str:
    program, words = _program(command[0]), command[1:]
    names = {_program(word) for word in words}
    python = _PYTHON.fullmatch(program) is not None
    if names & _INSTALL and (program in _INSTALLERS | _BUILDERS or (python and "pip" in names)):
        return "bash_install"
    if _is_tests(command[0]) or (python and (any(map(_is_tests, words)) or names >= {"manage.py", "test"})):
        return "bash_test"
    if program in _INSTALLERS | _BUILDERS and names & (_TESTS | {"test"}):
        return "bash_test"
    if python:
        return "bash_python"
    if program == "git":
        return "bash_git"
    return "bash_inspect" if _looks(command) else "bash_other"


def _is_tests(word: str) -> bool:
    return _program(word) in _TESTS or word.endswith("/test")  # `bin/test`, but not the shell's own `test`


def _looks(command: list[str]) -> bool:
    program, words = _program(command[0]), command[1:]
    match program:
        case "sed":
            return not any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in words)
        case "find":
            return not {"-delete", "-exec", "-execdir", "-ok"} & set(words)
        case "git":
            return next((word for word in words if not word.startswith("-")), "") in _GIT_LOOKING
    return program in _LOOKING and not _is_tests(command[0])
