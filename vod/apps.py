"""Django's registration of the room."""

from django.apps import AppConfig


class VodConfig(AppConfig):
    name = "vod"
