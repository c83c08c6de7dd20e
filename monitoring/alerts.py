"""Keeping alerts in step with what is wrong: opened, followed, closed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from monitoring.conditions import Condition, found
from monitoring.models import Alert

#: A trouble that is back so soon after it was over by itself is the same one.
FLAPS_WITHIN = timedelta(hours=1)
#: Resolved alerts are remembered for so long.
REMEMBERED = timedelta(days=90)


@transaction.atomic
def look(now: datetime) -> None:
    """Bring the alerts to what is wrong at `now`, and forget what was over long ago."""
    wrong = {one.key: one for one in found(now)}
    open_now = {alert.key: alert for alert in Alert.objects.open()}
    for key, condition in wrong.items():
        if key in open_now:
            _follow(open_now[key], condition, now)
        else:
            _begin(condition, now)
    over = [alert.pk for key, alert in open_now.items() if key not in wrong]
    if over:
        Alert.objects.filter(pk__in=over).update(resolved_at=now, resolved_by="")
    Alert.objects.filter(resolved_at__lt=now - REMEMBERED).delete()


def resolve(alerts: list[int], by: str, now: datetime) -> int:
    """A person says these are seen to. Returns how many were open; they come back when it happens again."""
    return Alert.objects.open().filter(pk__in=alerts).update(resolved_at=now, resolved_by=by)


def reopen(alerts: list[int]) -> int:
    """The other way round: as if nobody had resolved them. Leaves alone what is open again already."""
    again = Alert.objects.filter(pk__in=alerts, resolved_at__isnull=False).exclude(
        key__in=Alert.objects.open().values("key")
    )
    # Of several old ones of one trouble, the newest stands for it.
    newest = {alert.key: alert.pk for alert in again.order_by("pk")}
    return Alert.objects.filter(pk__in=newest.values()).update(resolved_at=None, resolved_by="")


def _begin(condition: Condition, now: datetime) -> None:
    last = Alert.objects.filter(key=condition.key, resolved_at__isnull=False).order_by("-resolved_at").first()
    if last is not None and last.resolved_by and last.evidence == condition.evidence:
        return
    if last is not None and not last.resolved_by and last.resolved_at and now - last.resolved_at <= FLAPS_WITHIN:
        last.resolved_at = None
        last.count += 1
        _write(last, condition, now)
        return
    _write(Alert(key=condition.key, source=condition.source, kind=condition.kind, first_at=now), condition, now)


def _follow(alert: Alert, condition: Condition, now: datetime) -> None:
    happened_again = alert.evidence != condition.evidence
    if happened_again:
        alert.count += 1
    if happened_again or alert.text != condition.text or alert.subject != condition.subject:
        _write(alert, condition, now)


def _write(alert: Alert, condition: Condition, now: datetime) -> None:
    alert.evidence = condition.evidence[:200]
    alert.severity = condition.severity
    alert.subject = condition.subject[:300]
    alert.text = condition.text
    alert.page = condition.page
    alert.count = max(alert.count or 1, condition.count)
    alert.last_at = now
    alert.save()
