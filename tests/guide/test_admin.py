"""The owner's pages of the guide."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from guide.importer import import_guide
from guide.models import Decision, DummyTemplate, EpgSource, GuideChannel, GuideMatch, SourceKind
from guide.records import GuideChannelRecord
from portals.models import Run
from tests.guide.feeds import NOW, tv

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "http://bob:hunter2@guide.example/xmltv.php?username=bob&password=hunter3"


@pytest.fixture(autouse=True)
def _private_folder(tmp_path, settings):
    media = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = {**settings.STORAGES, "default": media}


@pytest.fixture
def source() -> EpgSource:
    source = EpgSource.objects.create(name="Guide", address=SECRET)
    import_guide(source, [GuideChannelRecord("Ecole.fr", ("Télé École",)), GuideChannelRecord("b", ("Bee",))], now=NOW)
    return source


def page(model, name: str, *args) -> str:
    return reverse(f"admin:guide_{model._meta.model_name}_{name}", args=args)


def text(answer) -> str:
    assert answer.status_code == 200
    return str(answer.content, "utf-8")


def messages(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def act(client, model, action: str, *rows) -> list[str]:
    body = {"action": action, "_selected_action": [row.pk for row in rows]}
    return messages(client.post(page(model, "changelist"), body, follow=True))


@pytest.mark.parametrize("model", [EpgSource, GuideChannel, GuideMatch], ids=lambda m: m.__name__)
def test_lists_rows_and_forms_open(admin_client, source, model):
    GuideMatch.objects.create(channel_id=1, guide_id="b", source=source, confidence=0.8)
    DummyTemplate.objects.create(source=source)
    text(admin_client.get(page(model, "changelist")))
    text(admin_client.get(page(model, "change", model.objects.first().pk)))
    if model is not GuideChannel:
        text(admin_client.get(page(model, "add")))


@pytest.mark.parametrize("model", [EpgSource, GuideChannel, GuideMatch], ids=lambda m: m.__name__)
def test_strangers_are_sent_to_the_login_page(client, model):
    assert "/login/" in client.get(page(model, "changelist"))["Location"]


def test_the_list_says_how_a_source_fares_without_its_secrets(admin_client, source):
    EpgSource.objects.update(status="Read 5 broadcasts of 2 channels and kept 5.", failed=False)
    shown = text(admin_client.get(page(EpgSource, "changelist")))
    assert "Read 5 broadcasts of 2 channels and kept 5." in shown
    assert "guide.example" in shown
    assert "hunter" not in shown


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"failed": True}, "failed"),
        ({"incomplete": True}, "incomplete"),
        ({}, "works"),
        ({"imported_at": None}, "not asked"),
    ],
)
def test_the_state_is_one_word(admin_client, source, facts, word):
    EpgSource.objects.update(**facts)
    assert word in text(admin_client.get(page(EpgSource, "changelist")))


def test_refresh_now_from_the_list_and_from_the_page(admin_client, source):
    (said,) = act(admin_client, EpgSource, "refresh_now", source)
    assert "Guide: refresh started." in said
    answer = admin_client.post(page(EpgSource, "refresh", source.pk), follow=True)
    assert "refresh started" in messages(answer)[0]
    assert Run.objects.get().asked_by == "admin"


def test_refresh_by_a_link_does_nothing(admin_client, source):
    assert admin_client.get(page(EpgSource, "refresh", source.pk)).status_code == 405
    assert not Run.objects.exists()


def test_one_who_may_only_look_cannot_refresh(client, source):
    user = User.objects.create_user("looker", password="x", is_staff=True)
    client.force_login(user)
    assert client.post(page(EpgSource, "refresh", source.pk)).status_code == 403


def form(**fields) -> dict[str, object]:
    empty = {"templates-TOTAL_FORMS": 0, "templates-INITIAL_FORMS": 0, "priority": 100, "refresh_hours": 12,
             "shift_minutes": 0, "days_back": 1, "days_ahead": 7, "enabled": "on"}  # fmt: skip
    return {**empty, **fields}


def test_an_upload_is_read_at_once(admin_client):
    upload = SimpleUploadedFile("my guide.xml", tv())
    answer = admin_client.post(
        page(EpgSource, "add"), form(name="Mine", kind=SourceKind.UPLOAD, upload=upload), follow=True
    )
    assert "refresh started" in messages(answer)[0]
    assert EpgSource.objects.get().upload.read() == tv()


def test_a_new_upload_replaces_the_old_file(admin_client):
    admin_client.post(page(EpgSource, "add"), form(name="M", kind="upload", upload=SimpleUploadedFile("a.xml", b"1")))
    source = EpgSource.objects.get()
    old = source.upload.path
    admin_client.post(
        page(EpgSource, "change", source.pk), form(name="M", kind="upload", upload=SimpleUploadedFile("b.xml", b"2"))
    )
    source.refresh_from_db()
    assert source.upload.read() == b"2"
    assert not Path(old).exists()


def test_another_address_forgets_what_was_learnt_of_the_old(admin_client, source):
    EpgSource.objects.update(etag="x", import_key="y")
    admin_client.post(page(EpgSource, "change", source.pk), form(name="Guide", kind="url", address="http://other/"))
    source.refresh_from_db()
    assert (source.address, source.etag, source.import_key) == ("http://other/", "", "")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "url"}, "This kind of source needs an address."),
        ({"kind": "url", "address": "guide.example"}, "An address begins with http:// or https://."),
        ({"kind": "upload"}, "Choose a file to upload."),
        ({"kind": "xtream"}, "Choose the portal whose guide this is."),
        ({"kind": "dummy", "time_zone": "Mars"}, "is no zone; it looks like Europe/Berlin."),
        ({"kind": "dummy", "shift_minutes": 9999}, "less than or equal to 1440"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(admin_client, fields, sentence):
    shown = text(admin_client.post(page(EpgSource, "add"), form(name="N", **fields)))
    assert sentence in shown
    assert not EpgSource.objects.exists()


def test_guide_channels_are_found_without_accents(admin_client, source):
    found = admin_client.get(page(GuideChannel, "changelist"), {"q": "TELE ecole"})
    assert [row.xmltv_id for row in found.context["cl"].result_list] == ["Ecole.fr"]
    found = admin_client.get(page(GuideChannel, "changelist"), {"q": "école.FR"})
    assert len(found.context["cl"].result_list) == 1


def test_guide_channels_show_which_are_in_use(admin_client, source):
    GuideMatch.objects.create(channel_id=1, guide_id="b", source=source, decision=Decision.ACCEPTED)
    rows = admin_client.get(page(GuideChannel, "changelist")).context["cl"].result_list
    assert {row.xmltv_id: row.in_use for row in rows} == {"Ecole.fr": False, "b": True}
    rows = admin_client.get(page(GuideChannel, "changelist"), {"in_use": "no"}).context["cl"].result_list
    assert [row.xmltv_id for row in rows] == ["Ecole.fr"]


def test_channels_of_replaced_guides_are_not_shown(admin_client, source):
    import_guide(source, [GuideChannelRecord("new", ("New",))], now=NOW)
    rows = admin_client.get(page(GuideChannel, "changelist")).context["cl"].result_list
    assert [row.xmltv_id for row in rows] == ["new"]


def test_pairs_are_decided_in_bulk(admin_client, source):
    make = GuideMatch.objects.create
    pairs = [make(channel_id=n // 2, guide_id=f"g{n}", source=source, confidence=n / 10) for n in range(6)]
    assert act(admin_client, GuideMatch, "reject", pairs[0]) == ["1 pair(s) rejected."]
    assert act(admin_client, GuideMatch, "accept", *pairs[1:]) == [
        "3 pair(s) accepted. Their broadcasts are being read now."
    ]
    assert list(GuideMatch.objects.accepted().order_by("pk").values_list("guide_id", "decided_by")) == [
        ("g1", "admin"), ("g3", "admin"), ("g5", "admin"),
    ]  # fmt: skip
    assert Run.objects.count() == 1
    assert act(admin_client, GuideMatch, "reopen", pairs[1]) == ["1 pair(s) open again."]


def test_a_pair_made_by_hand_is_accepted(admin_client, source):
    GuideMatch.objects.create(channel_id=7, guide_id="b", source=source, decision=Decision.ACCEPTED)
    fields = {
        "channel_id": 7,
        "channel_name": "Seven",
        "source": source.pk,
        "guide_id": "Ecole.fr",
        "shift_minutes": 60,
    }
    admin_client.post(page(GuideMatch, "add"), fields)
    (row,) = GuideMatch.objects.accepted()
    assert (row.guide_id, row.reason, row.decided_by, row.shift_minutes) == ("Ecole.fr", "chosen by hand", "admin", 60)


@pytest.mark.parametrize("value", ["90", "80", "low", "nonsense"])
def test_pairs_are_filtered_by_confidence(admin_client, source, value):
    for confidence in (0.95, 0.85, 0.7):
        GuideMatch.objects.create(channel_id=1, guide_id=str(confidence), source=source, confidence=confidence)
    rows = admin_client.get(page(GuideMatch, "changelist"), {"confidence": value}).context["cl"].result_list
    assert len(rows) == {"90": 1, "80": 2, "low": 1, "nonsense": 3}[value]


def test_saving_the_list_after_a_guide_was_deleted_in_another_tab_is_told(admin_client):
    kept, gone = (EpgSource.objects.create(name=name, kind="url", address=f"http://h/{name}") for name in "ab")
    form = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    form |= {"form-0-id": str(kept.pk), "form-1-id": str(gone.pk), "form-0-enabled": "on", "form-1-enabled": "on"}
    gone.delete()

    answer = admin_client.post(reverse("admin:guide_epgsource_changelist"), form)

    assert answer.status_code == 200
