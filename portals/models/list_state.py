"""What is known of the list a portal's rows were last made from, so that the same list again costs nothing."""

from __future__ import annotations

from django.db import models

from portals.models.portal import Portal


class ListState(models.Model):
    """One kind of item of one portal. Gone while a run writes and after one is taken back: then nothing is known."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="list_states")
    #: The shape's noun: channels, movies…
    what = models.CharField(max_length=30)
    #: Of the download, where the provider has one: sent along next time.
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    #: Of everything that decides what is taken from the download.
    rules_sha256 = models.CharField(max_length=64, blank=True)
    #: Of the records themselves, after the rules.
    records_sha256 = models.CharField(max_length=64)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portal", "what"], name="one_state_per_list")]

    def __str__(self) -> str:
        return f"{self.portal}: {self.what}"
