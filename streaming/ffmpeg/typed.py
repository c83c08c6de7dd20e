"""Command text as an owner typed it: refused where it expects a shell or names a placeholder that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from restreamer.lib.errors import InvalidInput

PLACEHOLDERS = ("<url>", "<proxy>", "<timeout>", "<user_agent>")
_PLACEHOLDER_LIKE = re.compile(r"<[A-Za-z][A-Za-z0-9_-]{0,30}>")
#: What a shell acts on outside quotes, and what it acts on between double quotes too.
_ACTED_ON = "|;&<>()`\n"
_FILLED_IN = ("`", "$(", "${")


def check_typed(text: str, what: str) -> None:
    """Raises InvalidInput when the text counts on a shell, or holds a placeholder nobody fills."""
    unknown = sorted({found for found in _PLACEHOLDER_LIKE.findall(text) if found not in PLACEHOLDERS})
    if unknown:
        raise InvalidInput(
            f"The {what} holds {unknown[0]}, which nothing fills in. There are {', '.join(PLACEHOLDERS)}."
        )
    for name in PLACEHOLDERS:
        text = text.replace(name, "placeholder")
    sign = next(_shell_signs(text), "")
    if sign:
        raise InvalidInput(
            f"The {what} holds {sign!r} as a shell would use it. No shell ever runs it: "
            "write one program and its arguments, and put quotes around an argument that needs the sign."
        )


def _shell_signs(text: str) -> Iterator[str]:
    """Each sign a shell would act on, where its quotes do not forbid it."""
    quote, at = "", 0
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'":
            at += 2
            continue
        if quote != "'" and text.startswith(_FILLED_IN, at):
            yield next(sign for sign in _FILLED_IN if text.startswith(sign, at))
        elif not quote and character in _ACTED_ON:
            yield character
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        at += 1
