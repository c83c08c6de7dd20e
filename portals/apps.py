"""Django's registration of the room."""

from django.apps import AppConfig


class PortalsConfig(AppConfig):
    name = "portals"
