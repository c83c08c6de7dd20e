"""Our own sorting of movies and series, and what becomes of what a portal sorts its way."""

from __future__ import annotations

from django.db import models

from portals.models import Genre


class Category(models.Model):
    """What viewers choose from."""

    class Kind(models.TextChoices):
        MOVIE = "movie", "movies"
        SERIES = "series", "series"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=200)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["kind", "position", "name"]
        verbose_name_plural = "categories"
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_row_per_category")]

    def __str__(self) -> str:
        return self.name


class CategoryMap(models.Model):
    """What becomes of the movies and series that are born in a portal's category. Those that exist are a curator's."""

    class Show(models.TextChoices):
        PORTAL = "portal", "as the portal says"
        YES = "yes", "show at once"
        NO = "no", "keep hidden"

    genre = models.OneToOneField(Genre, on_delete=models.CASCADE, related_name="category_map")
    ignored = models.BooleanField(default=False, help_text="Take nothing from this category.")
    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.SET_NULL, help_text="Empty = a category of the same name."
    )
    show = models.CharField(max_length=10, choices=Show.choices, default=Show.PORTAL)

    class Meta:
        ordering = ["genre__portal", "genre__kind", "genre__position"]
        verbose_name = "portal category"
        verbose_name_plural = "portal categories"

    def __str__(self) -> str:
        return f"{self.genre.portal}: {self.genre}"
