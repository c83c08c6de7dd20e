"""The owner's page of log lines: what the processes of this machine said lately, filtered, followed, taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.timezone import localtime
from django.views.decorators.http import require_POST, require_safe

from restreamer.lib import log_book
from restreamer.lib.log_book import LEVELS, Cursor, Line

#: Lines of a page, and lines looked at in one answer to a page that follows.
SHOWN, LOOKED_AT = 300, 5000
#: Lines of one piece of a download.
_PIECE = 500
_FIELD = "border border-base-200 dark:bg-base-900 dark:border-base-700 px-3 py-2 rounded-default w-full"
_PROCESS = {"class": _FIELD, "list": "processes", "placeholder": "all"}


class FilterForm(forms.Form):
    """Which lines."""

    level = forms.ChoiceField(
        required=False,
        choices=[("", "all"), *((level, f"{level.lower()} and worse") for level in LEVELS[1:])],
        widget=forms.Select(attrs={"class": _FIELD}),
    )
    process = forms.CharField(required=False, max_length=50, widget=forms.TextInput(attrs=_PROCESS))
    q = forms.CharField(
        label="words", required=False, max_length=200, widget=forms.TextInput(attrs={"class": _FIELD, "type": "search"})
    )

    def wanted(self) -> Callable[[Line], bool]:
        """Is a line of those asked for? What makes no sense filters nothing."""
        said = self.cleaned_data if self.is_valid() else {}
        least = LEVELS.index(said["level"]) if said.get("level") else 0
        process, words = said.get("process", "").strip(), said.get("q", "").casefold().split()

        def fits(line: Line) -> bool:
            if LEVELS.index(line.level) < least or (process and line.process != process):
                return False
            text = line.text.casefold()
            return all(word in text for word in words)

        return fits


def urls() -> list[URLPattern]:
    """To be mounted under the admin, before it."""
    view = admin.site.admin_view
    return [
        path("log/", view(require_safe(page)), name="log"),
        path("log/lines/", view(require_safe(lines)), name="log_lines"),
        path("log/download/", view(require_safe(download)), name="log_download"),
        path("log/clear/", view(require_POST(clear)), name="log_clear"),
    ]


def page(request: HttpRequest) -> HttpResponse:
    """The newest lines, and the filter."""
    folder, form = _folder(request), FilterForm(request.GET)
    found, cursor = log_book.latest(folder, form.wanted(), SHOWN)
    context = {
        **admin.site.each_context(request),
        "title": "Log",
        "form": form,
        "lines": found,
        "processes": sorted({line.process for line in found}),
        "cursor": str(cursor),
        "query": request.GET.urlencode(),
        "shown": SHOWN,
        "kept": settings.LOG_BYTES,
        "node": settings.NODE_NAME if settings.NODE_NAME != settings.UNNAMED_NODE else "",
        "any": cursor.file > 0,
    }
    return render(request, "monitoring/log.html", context)


def lines(request: HttpRequest) -> HttpResponse:
    """What came after the cursor of a page that follows, as rows; the next cursor in a header. 204: nothing."""
    folder = _folder(request)
    cursor = Cursor.read(request.GET.get("after", ""))
    if cursor is None:
        return HttpResponse("Say after which place: after=FILE:OFFSET.", status=400, content_type="text/plain")
    found, cursor = log_book.since(folder, cursor, FilterForm(request.GET).wanted(), LOOKED_AT)
    headers = {"X-Log-Cursor": str(cursor), "Cache-Control": "no-store"}
    if not found:
        return HttpResponse(status=204, headers=headers)
    answer = render(request, "monitoring/log_lines.html", {"lines": found[-SHOWN:]})
    for name, value in headers.items():
        answer[name] = value
    return answer


def download(request: HttpRequest) -> StreamingHttpResponse:
    """All kept lines of the filter, as text."""
    found = log_book.everything(_folder(request), FilterForm(request.GET).wanted())
    name = f"restreamer-{localtime(datetime.now(UTC)):%Y-%m-%d-%H%M}.log"
    return StreamingHttpResponse(
        _as_text(found),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def clear(request: HttpRequest) -> HttpResponse:
    """Forget what is kept."""
    log_book.empty(_folder(request))
    messages.success(request, "The lines kept until now are gone; new ones appear as they come.")
    return redirect("log")


def _folder(request: HttpRequest) -> Path:
    """For administrators: lines name viewers, titles and addresses."""
    if not getattr(request.user, "is_superuser", False):
        raise PermissionDenied
    return log_book.folder_of(settings.RESTREAMER_DATA)


def _as_text(found: Iterator[Line]) -> Iterator[str]:
    piece = []
    for line in found:
        at = line.at.isoformat(timespec="milliseconds")
        piece.append(f"{at} {line.level} [{line.process}] {line.text}\n")
        if len(piece) >= _PIECE:
            yield "".join(piece)
            piece.clear()
    yield "".join(piece)
