"""`--config FILE` of every verb: reads a configuration (config_file.py) and lets it set the defaults of the options.

The option is added to the commands when the command line is built, so that no verb need know of it, and none can be
forgotten. It is read before the other options; what these say then goes before what the file says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup, TyperOption

if TYPE_CHECKING:
    from asyncfc_sim.tools.tool_file import ToolFile

    from .config_file import Config, ConfigTable

DEFAULT: Final = Path("asyncfc.toml")
_current: ContextVar[Config | None] = ContextVar("asyncfc_config", default=None)


def current() -> Config:
    """The configuration of the verb that runs; without a file, one that says nothing."""
    from .config_file import Config

    return _current.get() or Config()


def file_in_use() -> str | None:
    """The configuration that was read, if there was one."""
    found = _current.get()
    return None if found is None else found.path


def overridden(tools: ToolFile) -> ToolFile:
    """The tools of a file, with what the configuration says of them; what looks misspelt is told on stderr.

    Raises ToolError.
    """
    config = current()
    remark(config.misnamed(tools.tools))
    return tools.overridden(config.overrides)


def remark(remarks: Iterable[str]) -> None:
    """Say on stderr what is odd about a configuration."""
    for each in remarks:
        print(f"note: {each}", file=sys.stderr)


def add_option(group: TyperGroup) -> None:
    """Give every command of the group, nested ones too, the option `--config`."""
    option = _option()
    for command in _commands(group):
        command.params.append(option)


def on_command_line(ctx: typer.Context, name: str) -> bool:
    """Whether an option was given by hand, rather than by a default or a configuration."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _commands(group: TyperGroup) -> Iterator[Any]:
    """The commands themselves, of whichever depth."""
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            yield from _commands(command)
        else:
            yield command


def _option() -> TyperOption:
    """The option, made by typer out of a command that has no other."""
    template = typer.Typer(add_completion=False)

    @template.command()
    def command(
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                metavar="FILE",
                help="defaults of options, and more [default: asyncfc.toml, if there is one]",
                callback=_load,
                is_eager=True,
                expose_value=False,
            ),
        ] = None,
    ) -> None: ...

    (option,) = typer.main.get_command(template).params
    assert isinstance(option, TyperOption)
    return option


def _load(ctx: typer.Context, path: Path | None) -> None:
    """Read the file, and put its defaults where typer looks for defaults. Raises OSError or ConfigError."""
    _current.set(None)
    if ctx.resilient_parsing or (path is None and not DEFAULT.is_file()):
        return
    from .config_file import TABLES, read_config

    found = read_config(path or DEFAULT)
    root = ctx.find_root().command
    assert isinstance(root, TyperGroup)
    _check(found.verbs, root, *TABLES)
    _current.set(found)
    table, options = found.verbs, _options(ctx.command)
    for name in _names(ctx):
        table = table.table(name)
    table = _dashed(table)
    ctx.default_map = {options[key].name: _value(ctx, table, key, options[key]) for key in table.values}


def _check(table: ConfigTable, group: TyperGroup, *others: str) -> None:
    """Each table is that of a verb, and each key in it an option of it, whichever verb runs. Raises ConfigError."""
    table.only(*group.commands, *others)
    for name in table.values:
        command = group.commands[name]
        if isinstance(command, TyperGroup):
            _check(table.table(name), command)
        else:
            _dashed(table.table(name)).only(*_options(command))


def _dashed(table: ConfigTable) -> ConfigTable:
    values = {key.replace("_", "-"): value for key, value in table.values.items()}
    return type(table)(table.source, table.key, values)


def _options(command: Any) -> dict[str, TyperOption]:
    """The options of a command by their names; one must say of a configuration on the command line which it is."""
    return {
        name.removeprefix("--"): param
        for param in command.params
        if isinstance(param, TyperOption) and param.expose_value
        for name in param.opts
        if name.startswith("--")
    }


def _value(ctx: Any, table: ConfigTable, key: str, option: TyperOption) -> Any:
    """A value as it would be given on the command line: text, texts, or whether a flag is set. Raises ConfigError."""
    if option.is_flag:
        return table.flag(key)
    value = [_word(table, key, each) for each in _list(table.values[key])]
    if not option.multiple and len(value) != 1:
        raise table.wrong(key, "one value")
    given = value if option.multiple else value[0]
    try:
        option.process_value(ctx, given)
    except typer.BadParameter as error:
        raise table.error(key, error.message) from None
    return given


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _word(table: ConfigTable, key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise table.wrong(key, "text or a number")
    return str(value)


def _names(ctx: Any) -> list[str]:
    """The verb that runs: `trace view` is two names."""
    return [] if ctx.parent is None else [*_names(ctx.parent), str(ctx.info_name)]
