"""`manage.py doctor`: what is wrong, and what to type."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from restreamer.doctor import Finding, State, examine


class Command(BaseCommand):
    help = "Looks at everything Restreamer stands on and says what to type. Exit code 1 when something is broken."
    # The doctor runs the checks itself and reports them among the rest.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """`--json` for scripts."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and report."""
        findings = examine()
        if options["as_json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                self.stdout.write(self._line(finding))
        if any(finding.state == State.FAIL for finding in findings):
            raise SystemExit(1)

    def _line(self, finding: Finding) -> str:
        colour = {State.OK: self.style.SUCCESS, State.WARN: self.style.WARNING, State.FAIL: self.style.ERROR}
        line = f"{colour[finding.state](f'{finding.state:<4}')}  {finding.subject:<12} {finding.text}"
        return f"{line}\n{'':<19}type: {finding.remedy}" if finding.remedy else line
