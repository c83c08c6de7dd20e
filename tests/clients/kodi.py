"""Kodi on a screen of its own: told by JSON-RPC, asked what channels, guide and picture it has.

Needs kodi, kodi-pvr-iptvsimple, kodi-pvr-hdhomerun and xvfb of Debian, and root to run it as another user than root.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.house import free_port

#: An ordinary user of every Debian who owns nothing.
USER = "nobody"
START_S = 60.0
_PROGRAMS = ("kodi", "Xvfb")
IPTV_SIMPLE = "pvr.iptvsimple"
HDHOMERUN = "pvr.hdhomerun"

_GUI = """<settings version="2">
  <setting id="services.webserver">true</setting>
  <setting id="services.webserverport">{port}</setting>
  <setting id="services.webserverauthentication">false</setting>
  <setting id="services.webserverssl">false</setting>
  <setting id="services.esallinterfaces">false</setting>
  <setting id="epg.futuredaystodisplay">1</setting>
  <setting id="pvrmanager.startgroupchannelnumbersfromone">false</setting>
  <setting id="locale.timezone">UTC</setting>
</settings>
"""
_IPTV = """<settings version="2">
  <setting id="m3uPathType">1</setting>
  <setting id="m3uUrl">{playlist}</setting>
  <setting id="m3uCache">false</setting>
  <setting id="epgPathType">1</setting>
  <setting id="epgUrl">{guide}</setting>
  <setting id="epgCache">false</setting>
  <setting id="catchupEnabled">true</setting>
</settings>
"""


def missing() -> str:
    """What this machine lacks, in words; empty when nothing."""
    if os.environ.get("TEST_KODI") != "1":
        return "it takes two minutes: TEST_KODI=1 asks for it"
    for program in _PROGRAMS:
        if not shutil.which(program):
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "only root can run Kodi as another user"
    return ""


class Kodi:
    """A running Kodi. A context manager; leaving it ends Kodi and its screen."""

    def __init__(self, playlist: str, guide: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="kodi-"))
        self.port = free_port()
        self.version = ""
        data = self._home / ".kodi/userdata"
        (data / "addon_data" / IPTV_SIMPLE).mkdir(parents=True)
        (data / "guisettings.xml").write_text(_GUI.format(port=self.port))
        text = _IPTV.format(playlist=playlist.replace("&", "&amp;"), guide=guide.replace("&", "&amp;"))
        (data / "addon_data" / IPTV_SIMPLE / "settings.xml").write_text(text)
        self._screen = f":{90 + self.port % 100}"
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Kodi:
        user = pwd.getpwnam(USER)
        for path in (self._home, *self._home.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        screen = ["Xvfb", self._screen, "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
        self._start(screen)
        time.sleep(1)
        environment = {"DISPLAY": self._screen, "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(self._home)}
        self._start(["kodi", "--standalone"], user=user, **environment)
        self._wait_until_it_answers()
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self, command: list[str], user: pwd.struct_passwd | None = None, **environment: str) -> None:
        whose: dict[str, Any] = {}
        if user is not None:
            whose = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._children.append(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], **environment},
                **whose,
            )
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                told = self.call("Application.GetProperties", properties=["version"])["version"]
                self.version = f"{told['major']}.{told['minor']}"
                return
            time.sleep(0.5)
        raise TimeoutError("Kodi did not answer")

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask it something. Raises ValueError with what it answered instead."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        connection.request("POST", "/jsonrpc", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']}")
        return answer["result"]

    def enable(self, addon: str) -> None:
        """Switch an add-on on. IPTV Simple that is on from the start fails to begin: off, a while, and on again."""
        self.call("Addons.SetAddonEnabled", addonid=addon, enabled=False)
        time.sleep(4)
        self.call("Addons.SetAddonEnabled", addonid=addon, enabled=True)

    def channels(self, at_least: int, patience_s: float = 60.0) -> list[dict[str, Any]]:
        """Its television channels, once there are so many."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and len(found) < at_least:
            time.sleep(1)
            with contextlib.suppress(ValueError):
                wanted = ["channelnumber", "channel", "icon", "broadcastnow"]
                told = self.call("PVR.GetChannels", channelgroupid="alltv", properties=wanted)
                found = told.get("channels", [])
        return found

    def groups(self) -> list[str]:
        """Its groups of television channels."""
        told = self.call("PVR.GetChannelGroups", channeltype="tv")
        return [one["label"] for one in told["channelgroups"]]

    def guide(self, channel_id: int, patience_s: float = 60.0) -> list[str]:
        """Titles of the broadcasts it knows of a channel, once it knows any."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            told = self.call("PVR.GetBroadcasts", channelid=channel_id, properties=["title"]).get("broadcasts", [])
            if told:
                return [one["title"] for one in told]
            time.sleep(1)
        return []

    def play(self, channel_id: int, for_s: float = 8.0) -> tuple[dict[str, Any], list[float]]:
        """Play a channel: what it says of the picture, and its position each second, in seconds."""
        self.call("Player.Open", item={"channelid": channel_id})
        positions: list[float] = []
        stream: dict[str, Any] = {}
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and len(positions) < for_s:
            time.sleep(1)
            with contextlib.suppress(ValueError, IndexError):
                player = self.call("Player.GetActivePlayers")[0]["playerid"]
                told = self.call("Player.GetProperties", playerid=player, properties=["currentvideostream", "time"])
                stream = told["currentvideostream"] or stream
                clock = told["time"]
                seconds = (
                    clock["hours"] * 3600 + clock["minutes"] * 60 + clock["seconds"] + clock["milliseconds"] / 1000
                )
                if stream.get("width"):
                    positions.append(seconds)
        with contextlib.suppress(ValueError, IndexError):
            self.call("Player.Stop", playerid=self.call("Player.GetActivePlayers")[0]["playerid"])
        return stream, positions


def _seconds(clock: dict[str, int]) -> float:
    return clock["hours"] * 3600 + clock["minutes"] * 60 + clock["seconds"] + clock["milliseconds"] / 1000
