"""What our commands share: `--json`, errors as sentences, a Redis to talk to."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from restreamer.embedded_redis import running_redis
from restreamer.lib.errors import RestreamerError

#: As SQLite and PostgreSQL say that a table or column is not there: nobody has migrated.
_NO_TABLE = re.compile(r"no such (?:table|column)|(?:relation|column) .* does not exist")

#: The same of a disk without space.
_FULL = re.compile(r"disk is full|No space left on device")

Action = Callable[["RestreamerCommand", dict[str, Any]], None]


def whole(text: str) -> int:
    """A whole number any of our databases can hold; argparse says why not."""
    number = int(text)
    if abs(number) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text[:20]} is too large a number")
    return number


class RestreamerCommand(BaseCommand):
    """A command of verbs: `manage.py noun verb …`. Subclasses fill `verbs` in `add_verbs`.

    `--json` prints one JSON document on standard output and nothing else there.
    Exit codes: 0 done, 1 a sentence says why not, 2 wrong words.
    """

    needs_redis = True
    as_json = False

    def add_verbs(self, verbs: Any) -> None:
        """Add a subparser per verb, each with `set_defaults(action=…)`."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.add_verbs(verbs)
        for verb in verbs.choices.values():
            verb.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = bool(options["as_json"])
        action: Callable[[dict[str, Any]], None] = options["action"]
        try:
            if self.needs_redis:
                with running_redis():
                    action(options)
            else:
                action(options)
        except RestreamerError as err:
            self._fail(err.message, err)
        except (OperationalError, ProgrammingError) as err:
            if _FULL.search(str(err)):
                self._fail("The disk is full. Nothing was stored; `./run doctor` says where to free some space.", err)
            if not _NO_TABLE.search(str(err)):
                raise
            self._fail("The database is not prepared yet. Start ./run once, or type: ./run manage migrate", err)

    def _fail(self, sentence: str, err: Exception) -> NoReturn:
        if self.as_json:
            self.stdout.write(json.dumps({"error": sentence}))
            raise SystemExit(1) from err
        raise CommandError(sentence) from err

    def say(self, sentence: str) -> None:
        """A line for a person; silent with --json."""
        if not self.as_json:
            self.stdout.write(sentence)

    def result(self, document: Any, lines: Sequence[str] = ()) -> None:
        """The outcome: the document with --json, the lines otherwise."""
        if self.as_json:
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str))
            return
        for line in lines:
            self.stdout.write(line)

    def table(self, rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
        """Rows as JSON, or as aligned columns headed by their names."""
        if self.as_json or not rows:
            self.result(list(rows), [empty])
            return
        cells = [[_cell(row.get(column)) for column in columns] for row in rows]
        widths = [max(len(c), *(len(line[i]) for line in cells)) for i, c in enumerate(columns)]
        for line in [[c.upper() for c in columns], *cells]:
            self.stdout.write("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
