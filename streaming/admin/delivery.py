"""Delivery as a list of its own, and as a part of the pages of channels, groups and portals."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display

from channels.models import Channel, Group
from portals.models import Portal
from streaming.models import Delivery


class DeliveryForm(forms.ModelForm[Delivery]):
    """The model's constraints say what is missing."""

    class Meta:
        model = Delivery
        fields = ("channel", "group", "portal", "mode", "profile")
        labels = {"profile": "ffmpeg profile"}


@admin.register(Delivery)
class DeliveryAdmin(ModelAdmin):
    """Everything that is not delivered by the default."""

    form = DeliveryForm
    list_display = ("what", "level", "mode", "profile")
    list_display_links = ("what",)
    list_filter = ("mode", "profile")
    list_select_related = ("channel", "group", "portal", "profile")
    list_before_template = "streaming/delivery_list_hint.html"
    search_fields = ("channel__name", "group__name", "portal__name")
    autocomplete_fields = ("channel", "group", "portal")

    @display(description="channel, group or portal")
    def what(self, row: Delivery) -> str:
        """Its subject's name."""
        return str(row.subject)

    @display(description="kind")
    def level(self, row: Delivery) -> str:
        """Of which kind the subject is."""
        return row.level


class DeliveryInline(StackedInline):
    """How this one is delivered; empty = as its group, its portal or the settings say."""

    model = Delivery
    fields = ("mode", "profile")
    verbose_name = "delivery"
    verbose_name_plural = "delivery"
    max_num = 1
    extra = 0
    tab = True


def join_pages() -> None:
    """The rooms below know nothing of delivery: their pages get the part from here."""
    for model in (Channel, Group, Portal):
        page = type(admin.site.get_model_admin(model))
        page.inlines = [*page.inlines, DeliveryInline]


join_pages()
