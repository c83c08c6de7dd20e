"""Everything a portal tells about its movies and series, fetched in the background, gently, and resumable.

Asks about what nobody asked about yet, shown titles first; what is fetched stays fetched, so a run that is stopped,
killed or makes room for others goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain

from django.conf import settings

from portals.errors import CatalogueIncomplete, PortalError, RunGoesOn, SubscriptionRefused
from portals.models import Run
from portals.providers.registry import vod_provider_for
from portals.runs import Progress
from vod import details, doubles

#: After so long a run lets other work have its worker.
SHARE_S = 10 * 60.0
#: So many failures in a row mean the portal, not the item.
_MOST_FAILURES = 5


def prefetch(
    run: Run,
    progress: Progress,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    share_s: float = SHARE_S,
) -> None:
    """Fetch details of the run's portal until all are there or this run's share of time is used up.

    Raises PortalError, RunCancelled, RunGoesOn.
    """
    portal = run.portal
    if portal is None:
        raise CatalogueIncomplete("The portal of this run was deleted.")
    provider = vod_provider_for(portal)
    progress.counts = {"details": 0, "without answer": 0, **run.counts}
    progress.step("asking about movies and series")
    until = clock() + share_s
    movies, series = details.outdated(portal.pk)
    before = progress.counts["details"] + progress.counts["without answer"]
    total = before + movies.count() + series.count()
    failures = 0
    # Keys first, so that no result set stays open for hours.
    work = chain(
        ((movies.model, pk) for pk in list(movies.values_list("pk", flat=True))),
        ((series.model, pk) for pk in list(series.values_list("pk", flat=True))),
    )
    for done, (model, pk) in enumerate(work, before + 1):
        offer = model._default_manager.select_related("portal").filter(pk=pk).first()
        if offer is None:
            continue
        try:
            details.fetch(offer, provider)
            progress.counts["details"] += 1
            failures = 0
        except SubscriptionRefused:
            raise
        except PortalError:
            progress.counts["without answer"] += 1
            failures += 1
            if failures >= _MOST_FAILURES:
                raise
        progress(done, total)
        if clock() > until and done < total:
            raise RunGoesOn("The rest follows when the worker is free again.")
        sleep(settings.PREFETCH_SPACING_S)
    progress.step("joining titles that are one")
    doubles.join_certain(portal, progress)
