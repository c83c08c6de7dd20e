"""The owner's page of backups: what is there, a new one, a copy to take away, and one less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portals import runs
from portals.models import Run, RunKind, RunState
from restreamer.backup import jobs, shelf
from restreamer.backup.errors import BackupFailed
from restreamer.lib.errors import InvalidInput, RestreamerError

Page = Callable[..., HttpResponseBase]


def urls() -> list[URLPattern]:
    """To be mounted under the admin, before it."""
    return [
        path("backups/", _owners(require_safe(listed)), name="backups"),
        path("backups/make/", _owners(require_POST(make)), name="backup_make"),
        path("backups/<str:name>/", _owners(require_safe(download)), name="backup_download"),
        path("backups/<str:name>/delete/", _owners(delete), name="backup_delete"),
    ]


def listed(request: HttpRequest) -> HttpResponse:
    """What is there."""
    backups: list[shelf.Backup] = []
    try:
        backups = shelf.all_backups()
    except BackupFailed as err:
        messages.error(request, err.message)
    under_way = runs.under_way(None, RunKind.BACKUP)
    last = Run.objects.filter(kind=RunKind.BACKUP).first()
    context = {
        "backups": backups,
        "folder": settings.BACKUP_FOLDER,
        "hours": settings.BACKUP_HOURS,
        "keep": settings.BACKUP_KEEP,
        "under_way": under_way,
        "failed": last if last is not None and last.state in (RunState.FAILED, RunState.INTERRUPTED) else None,
    }
    return _page(request, "restreamer/backups.html", "Backups", context)


def make(request: HttpRequest) -> HttpResponse:
    """Have one made in the background."""
    try:
        jobs.enqueue(request.user.get_username())
    except RestreamerError as err:
        messages.warning(request, err.message)
    return redirect("backups")


def download(request: HttpRequest, name: str) -> FileResponse:
    """The file."""
    return FileResponse(_found(name).path.open("rb"), as_attachment=True, filename=name, content_type="application/zip")


def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Asks, then does it."""
    backup = _found(name)
    if request.method == "POST":
        backup.path.unlink(missing_ok=True)
        messages.success(request, f"{backup.name} is deleted.")
        return redirect("backups")
    return _page(request, "restreamer/backup_delete.html", "Delete a backup", {"backup": backup})


def _owners(view: Page) -> Page:
    """A backup holds every password there is: administrators only, and no browser keeps a copy of the page."""

    def checked(request: HttpRequest, **words: Any) -> HttpResponseBase:
        if not request.user.is_superuser:
            raise PermissionDenied
        return view(request, **words)

    return admin.site.admin_view(never_cache(checked))


def _found(name: str) -> shelf.Backup:
    try:
        return shelf.named(name)
    except (InvalidInput, BackupFailed) as err:
        raise Http404(err.message) from err


def _page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})
