"""New genres are taken, shown, hidden or left out by kind; until now channels' alone could be left out."""

from django.db import migrations, models

_CHOICES = [
    ("usual", "like what is new in genres you know"),
    ("show", "show what is in them at once"),
    ("hide", "keep hidden what is in them"),
    ("leave", "leave them out"),
]


def carry_over(apps, schema_editor):
    apps.get_model("portals", "Portal").objects.filter(ignore_new_genres=True).update(new_live_genres="leave")


def carry_back(apps, schema_editor):
    apps.get_model("portals", "Portal").objects.filter(new_live_genres="leave").update(ignore_new_genres=True)


class Migration(migrations.Migration):
    dependencies = [("portals", "0010_account_facts")]

    operations = [
        migrations.AddField(
            model_name="portal",
            name="new_live_genres",
            field=models.CharField(
                "new genres of channels",
                max_length=10,
                choices=_CHOICES,
                default="usual",
                help_text="What becomes of genres that appear later; the page of genres changes it for each.",
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="new_movie_genres",
            field=models.CharField("new genres of movies", max_length=10, choices=_CHOICES, default="usual"),
        ),
        migrations.AddField(
            model_name="portal",
            name="new_series_genres",
            field=models.CharField("new genres of series", max_length=10, choices=_CHOICES, default="usual"),
        ),
        migrations.RunPython(carry_over, carry_back),
        migrations.RemoveField(model_name="portal", name="ignore_new_genres"),
    ]
