"""A playlist added on the admin's page had no subscription, so it could neither play nor be refreshed by the clock."""

from django.db import migrations


def give_playlists(apps, schema_editor):
    portals = apps.get_model("portals", "Portal").objects.filter(kind="m3u", subscriptions__isnull=True)
    subscriptions = apps.get_model("portals", "Subscription").objects
    for portal in portals:
        subscriptions.create(portal=portal, label="playlist")


class Migration(migrations.Migration):
    dependencies = [("portals", "0008_help_texts")]

    operations = [migrations.RunPython(give_playlists, migrations.RunPython.noop)]
