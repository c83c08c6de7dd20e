"""Quality and country of the channels that are there already, from their names."""

from django.db import migrations

from restreamer.lib import names

_ROWS = 2000


def read_names(apps, schema_editor):
    Channel = apps.get_model("channels", "Channel")
    rows = []
    for channel in Channel.objects.only("id", "name").iterator(chunk_size=_ROWS):
        said = names.parse(channel.name)
        if said.quality or said.country:
            channel.quality, channel.country = said.quality, said.country
            rows.append(channel)
        if len(rows) == _ROWS:
            Channel.objects.bulk_update(rows, ["quality", "country"])
            rows = []
    if rows:
        Channel.objects.bulk_update(rows, ["quality", "country"])


class Migration(migrations.Migration):
    dependencies = [("channels", "0004_lineups")]

    operations = [migrations.RunPython(read_names, migrations.RunPython.noop)]
