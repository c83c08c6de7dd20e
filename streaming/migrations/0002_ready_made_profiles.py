"""Profiles to begin with."""

from django.db import migrations

READY_MADE = (
    {"name": "Remux", "kind": "remux"},
    {"name": "H.264 1080p", "kind": "transcode", "height": 1080, "video_kbps": 6000},
    {"name": "H.264 720p", "kind": "transcode", "height": 720, "video_kbps": 3000},
    {"name": "H.264 480p", "kind": "transcode", "height": 480, "video_kbps": 1200, "audio_kbps": 96},
)


def add(apps, schema_editor):
    profiles = apps.get_model("streaming", "TranscodeProfile")
    for one in READY_MADE:
        profiles.objects.get_or_create(name=one["name"], defaults=one)


def nothing(apps, schema_editor):
    """The table goes with the migration before."""


class Migration(migrations.Migration):
    dependencies = [("streaming", "0001_delivery")]

    operations = [migrations.RunPython(add, nothing)]
