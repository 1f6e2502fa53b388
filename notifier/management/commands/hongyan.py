"""manage.py hongyan <subcommand>: what people do at a terminal, from sending to a profile.

Exit codes: 0 done; 1 refused, or something needs somebody; 2 wrong arguments; 3 the database or
Redis does not answer; 4 --wait ended before the message did.
"""

import os
import sys
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandParser
from redis import RedisError

from notifier.console import accounts, doctor, importing, profile, replay, send, status, tail
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.models.away import AWAY

SUBCOMMANDS: dict[str, Any] = {
    "send": send,
    "tail": tail,
    "status": status,
    "doctor": doctor,
    "profile": profile,
    "replay": replay,
    "import": importing,
    "accounts": accounts,
}


INTERRUPTED = 130
"""Of Ctrl-C, as shells have it; what was done until then is done."""


class Command(BaseCommand):
    help = (
        "Sends, follows and repairs messages, imports recipients, says how everything is. Exit "
        "codes: 0 done; 1 refused, or something needs somebody; 2 wrong arguments; 3 database or "
        "Redis away; 4 --wait ended first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(dest="subcommand", required=True, metavar="subcommand")
        for name, module in SUBCOMMANDS.items():
            one = chosen.add_parser(name, help=module.HELP, description=module.__doc__)
            module.add_arguments(one)
            one.add_argument("--json", action="store_true", help="for programs: JSON on stdout")

    def handle(self, *_args: Any, subcommand: str, **options: Any) -> None:
        # Django's own wrapper ends each piece of text with a line break.
        out, err = cast(Any, self.stdout)._out, cast(Any, self.stderr)._out
        terminal = Terminal(out, err, as_json=options.pop("json"))
        try:
            code = self._run(terminal, subcommand, options)
        except BrokenPipeError:  # whoever reads has enough, as `head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        if code is not Exit.OK:
            raise SystemExit(int(code))

    def _run(self, terminal: Terminal, subcommand: str, options: dict[str, Any]) -> Exit:
        try:
            code: Exit = SUBCOMMANDS[subcommand].run(terminal, **options)
        except Failed as failed:
            return _told(terminal, failed)
        except (*AWAY, RedisError) as error:
            what = "Redis" if isinstance(error, RedisError) else "The database"
            text = f"{what} does not answer ({type(error).__name__})."
            return _told(terminal, Failed(Exit.AWAY, text))
        return code


def _told(terminal: Terminal, failed: Failed) -> Exit:
    terminal.complain(str(failed))
    if terminal.as_json:
        told = {"error": str(failed), "exit_code": int(failed.code)}
        terminal.json(told | failed.details)
    return failed.code
