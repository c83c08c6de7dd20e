"""Django's registration of the project package: commands and checks."""

from django.apps import AppConfig


class RestreamerConfig(AppConfig):
    name = "restreamer"
