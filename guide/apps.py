"""Django's registration of the room."""

from django.apps import AppConfig


class GuideConfig(AppConfig):
    name = "guide"
