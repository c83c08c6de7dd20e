"""A real Xtream panel on loopback: strict about logins and limits, with scripted faults.

By hand: `python -m tests.fakes.xtream_panel [channels]`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from tests.fakes import xtream_catalogue as catalogue
from tests.fakes.xtream_catalogue import Offer

_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184
_KINDS = {"live": "channels", "movie": "movies", "series": "episodes"}


@dataclass
class Line:
    """A login the panel knows."""

    username: str
    password: str
    status: str = "Active"
    auth: Any = 1
    exp_date: Any = "4102444800"
    max_connections: Any = "1"
    formats: Any = ("m3u8", "ts")
    message: str = ""
    #: Ids of live categories it is sold; None = all.
    bouquet: set[int] | None = None
    #: Open media connections now, and the most there ever were.
    open: int = 0
    peak: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Asked:
    """One request as it came, credentials left out."""

    path: str
    action: str
    fields: Mapping[str, str]
    username: str
    user_agent: str


@dataclass
class Fault:
    """How an answer goes wrong: one of the names of `_FAULTS`, so many times."""

    name: str
    times: int = 1_000_000
    #: Bytes sent before a cut; pieces of a drip.
    after: int = 200


@dataclass
class Answer:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    #: The end of the body is the closing of the connection.
    until_close: bool = False
    drip: bool = False


class XtreamPanel:
    """`with XtreamPanel(Line("u", "p")) as panel: …`; faults are set by action: `panel.faults["get_series"]`."""

    def __init__(
        self,
        *lines: Line,
        offer: Offer | None = None,
        zone: str = "Europe/Berlin",
        shown_zone: str | None = None,
        unknown_login: str = "auth0",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lines = {line.username: line for line in lines or (Line("user", "secret"),)}
        self.offer = offer or catalogue.small_offer()
        self.zone = ZoneInfo(zone)
        self.shown_zone = zone if shown_zone is None else shown_zone
        #: "auth0", "404" or "empty": the families differ.
        self.unknown_login = unknown_login
        self.faults: dict[str, Fault] = {}
        self.asked: list[Asked] = []
        #: What was asked of the archive: stream id, start in UTC, minutes.
        self.archived: list[tuple[int, datetime, int]] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def actions(self) -> list[str]:
        """The actions asked for, in order; "" is the login."""
        return [asked.action for asked in self.asked if asked.path == "/player_api.php"]

    def __enter__(self) -> XtreamPanel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    # --- what it says

    def answer(self, path: str, fields: dict[str, str]) -> Answer:
        if path == "/player_api.php":
            line = self._known(fields)
            return self._refusal() if line is None else self._api(line, fields)
        if path in ("/get.php", "/xmltv.php"):
            line = self._known(fields)
            if line is None:
                return Answer(b"", 404)
            if path == "/xmltv.php":
                body = catalogue.xmltv(self._channels(line), self.now, self.zone)
                return Answer(body.encode(), content_type="application/xml")
            return Answer(self._m3u(line).encode(), content_type="audio/x-mpegurl")
        return Answer(b"not here", 404, "text/plain")

    def _known(self, fields: Mapping[str, str]) -> Line | None:
        line = self.lines.get(fields.get("username", ""))
        return line if line is not None and line.password == fields.get("password") else None

    def _refusal(self) -> Answer:
        if self.unknown_login == "404":
            return Answer(b"", 404)
        return Answer(b"" if self.unknown_login == "empty" else b'{"user_info":{"auth":0}}')

    def _api(self, line: Line, fields: Mapping[str, str]) -> Answer:
        action = fields.get("action", "")
        questions: dict[str, Callable[[], Any]] = {
            "get_live_categories": lambda: [
                row for row in self.offer.live_categories if self._sold(line, row["category_id"])
            ],
            "get_vod_categories": lambda: self.offer.vod_categories,
            "get_series_categories": lambda: self.offer.series_categories,
            "get_live_streams": lambda: self._listed(self._channels(line), fields),
            "get_vod_streams": lambda: self._listed(self.offer.movies, fields),
            "get_series": lambda: self._listed(self.offer.series, fields),
            "get_vod_info": lambda: self._movie_info(fields.get("vod_id", "")),
            "get_series_info": lambda: self._series_info(fields.get("series_id", "")),
            "get_short_epg": lambda: self._guide(line, fields, ended=False),
            "get_simple_data_table": lambda: self._guide(line, fields, ended=True),
        }
        usable = line.status in ("Active", "Trial") and line.auth in (1, "1")
        if action not in questions or not usable:
            document: Any = [] if action in questions else self._login(line)
        else:
            document = questions[action]()
        return Answer(json.dumps(document, ensure_ascii=False).replace("/", "\\/").encode())

    def _login(self, line: Line) -> dict[str, Any]:
        user = {
            "username": line.username,
            "password": line.password,
            "message": line.message,
            "auth": line.auth,
            "status": line.status,
            "exp_date": line.exp_date,
            "is_trial": "0",
            "active_cons": str(line.open),
            "created_at": "1640995200",
            "max_connections": line.max_connections,
            "allowed_output_formats": list(line.formats) if isinstance(line.formats, tuple) else line.formats,
        }
        server = {
            "url": "tv.example",
            "port": "8080",
            "https_port": "443",
            "server_protocol": "http",
            "rtmp_port": "1935",
            "timezone": self.shown_zone,
            "timestamp_now": int(self._clock()),
            "time_now": f"{self.now.astimezone(self.zone):%Y-%m-%d %H:%M:%S}",
            "process": True,
        }
        return {"user_info": user, "server_info": server}

    def _sold(self, line: Line, category_id: str) -> bool:
        return line.bouquet is None or int(category_id) in line.bouquet

    def _channels(self, line: Line) -> list[dict[str, Any]]:
        return [row for row in self.offer.channels if self._sold(line, row["category_id"])]

    @staticmethod
    def _listed(rows: list[dict[str, Any]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
        wanted = fields.get("category_id", "")
        return [row for row in rows if wanted in ("", "0", "*", "all") or row["category_id"] == wanted]

    def _movie_info(self, key: str) -> Any:
        row = next((row for row in self.offer.movies if str(row["stream_id"]) == key), None)
        return catalogue.movie_info(row) if row else {"info": [], "movie_data": []}

    def _series_info(self, key: str) -> Any:
        row = next((row for row in self.offer.series if str(row["series_id"]) == key), None)
        if row is None:
            return {"seasons": [], "info": {"name": None}, "episodes": {}}
        return catalogue.series_info(row, self.offer.episodes.get(row["series_id"], []))

    def _guide(self, line: Line, fields: Mapping[str, str], *, ended: bool) -> Any:
        row = next((row for row in self._channels(line) if str(row["stream_id"]) == fields.get("stream_id")), None)
        rows = catalogue.listings(row, self.now, self.zone) if row else []
        if not ended:
            rows = [one for one in rows if int(one["stop_timestamp"]) > self._clock()][: int(fields.get("limit", 4))]
        return {"epg_listings": rows}

    def _m3u(self, line: Line) -> str:
        login = f"{line.username}/{line.password}"
        entries = [
            f'#EXTINF:-1 tvg-id="{row["epg_channel_id"] or ""}" group-title="{row["category_id"]}",{row["name"]}\n'
            f"{self.url}/live/{login}/{row['stream_id']}.ts\n"
            for row in self._channels(line)
        ]
        return "#EXTM3U\n" + "".join(entries)

    # --- media

    def admit(self, parts: list[str], fields: Mapping[str, str]) -> tuple[Line | None, int]:
        """The line whose connection this is, and 200; or None and the status of the refusal."""
        if parts[:1] == ["timeshift"] and len(parts) == 6:
            _, username, password, minutes, start, item = parts
            kind = "timeshift"
        elif parts == ["streaming", "timeshift.php"]:
            kind, username, password = "timeshift", fields.get("username", ""), fields.get("password", "")
            minutes, start, item = (fields.get(name, "") for name in ("duration", "start", "stream"))
        elif len(parts) == 4 and parts[0] in _KINDS:
            (kind, username, password, item), minutes, start = parts, "", ""
        elif len(parts) == 3:
            (username, password, item), kind, minutes, start = parts, "live", "", ""
        else:
            return None, 404
        line = self._known({"username": username, "password": password})
        if line is None:
            return None, 401
        key, _, extension = item.partition(".")
        status = self._has(line, kind, key, extension or fields.get("extension", "") or "ts", minutes, start)
        return (line, 200) if status == 200 else (None, status)

    def _has(self, line: Line, kind: str, key: str, extension: str, minutes: str, start: str) -> int:
        if line.status != "Active" or not key.isdigit():
            return 403
        if kind in ("live", "timeshift"):
            row = next((row for row in self._channels(line) if str(row["stream_id"]) == key), None)
            if row is None or extension not in line.formats:
                return 404
            return 200 if kind == "live" else self._archive(row, minutes, start)
        rows = self.offer.movies if kind == "movie" else [e for es in self.offer.episodes.values() for e in es]
        named = "stream_id" if kind == "movie" else "id"
        found = any(str(row[named]) == key and row["container_extension"] == extension for row in rows)
        return 200 if found else 404

    def _archive(self, row: dict[str, Any], minutes: str, start: str) -> int:
        try:
            wall = datetime.strptime(start, "%Y-%m-%d:%H-%M").replace(tzinfo=self.zone)
        except ValueError:
            return 400
        if not minutes.isdigit() or not row["tv_archive"]:
            return 404
        begins = wall.astimezone(UTC)
        if not self.now - timedelta(days=int(row["tv_archive_duration"])) <= begins <= self.now:
            return 404
        self.archived.append((row["stream_id"], begins, int(minutes)))
        return 200

    def open_media(self, line: Line) -> bool:
        """Count a connection; False when the line's limit is reached."""
        with self._lock:
            if line.open >= int(line.max_connections or 0):
                line.refused += 1
                return False
            line.open += 1
            line.peak = max(line.peak, line.open)
            return True

    def close_media(self, line: Line) -> None:
        with self._lock:
            line.open -= 1

    # --- faults

    def spoiled(self, action: str, answer: Answer) -> Answer:
        """The answer with the fault of this action, while it lasts."""
        with self._lock:
            fault = self.faults.get(action)
            if fault is None or fault.times <= 0:
                return answer
            fault.times -= 1
        return _FAULTS[fault.name](answer, fault)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        panel = self

        class Handler(BaseHTTPRequestHandler):
            #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                fields = dict(parse_qsl(parts.query, keep_blank_values=True))
                segments = [unquote(part) for part in parts.path.split("/") if part]
                asked = {name: text for name, text in fields.items() if name not in ("username", "password")}
                username = fields.get("username", "")
                action = fields.get("action", "")
                agent = self.headers.get("User-Agent", "")
                panel.asked.append(Asked(parts.path, action, asked, username, agent))
                if parts.path.endswith(".php") and segments != ["streaming", "timeshift.php"]:
                    name = action if parts.path == "/player_api.php" else parts.path
                    self._send(panel.spoiled(name, panel.answer(parts.path, fields)))
                else:
                    self._media(segments, fields)

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.until_close:
                    self.close_connection = True
                else:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                body = answer.body[: answer.cut_at]
                self.close_connection = self.close_connection or answer.cut_at is not None
                pieces = [body[at : at + 1] for at in range(len(body))] if answer.drip else [body]
                # Whoever has seen enough hangs up.
                with contextlib.suppress(ConnectionError):
                    for piece in pieces:
                        self.wfile.write(piece)
                        if answer.drip and panel._stopping.wait(0.05):
                            return

            def _media(self, segments: list[str], fields: dict[str, str]) -> None:
                line, status = panel.admit(segments, fields)
                if line is None:
                    self._send(Answer(b"", status))
                elif not panel.open_media(line):
                    self._send(Answer(b"", 403))
                else:
                    try:
                        self._stream()
                    finally:
                        panel.close_media(line)

            def _stream(self) -> None:
                self.close_connection = True
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                try:
                    while not panel._stopping.wait(0.02):
                        self.wfile.write(_PACKET * 50)
                except OSError:
                    return

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def _as_object(value: Any) -> Any:
    return {str(i): row for i, row in enumerate(value)} if isinstance(value, list) else value


def _as_arrays(value: Any) -> Any:
    """What PHP makes of objects that are empty or counted from 0."""
    if not isinstance(value, dict):
        return value
    out = {key: _as_arrays(item) for key, item in value.items()}
    keys = list(out)
    if not keys or sorted(keys) == [str(i) for i in range(len(keys))]:
        return [out[key] for key in sorted(keys)]
    return out


def _odd_types(value: Any) -> Any:
    """Numbers become strings, strings of digits become numbers, empty strings become null."""
    if isinstance(value, dict):
        return {key: _odd_types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_odd_types(item) for item in value]
    if isinstance(value, str):
        return int(value) if value.isdigit() else value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _changed(change: Callable[[Any], Any]) -> Callable[[Answer, Fault], Answer]:
    return lambda answer, fault: Answer(json.dumps(change(json.loads(answer.body))).encode())


_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"
_WARNING = b"<br />\n<b>Warning</b>:  mysqli_connect(): in <b>/home/x.php</b> on line <b>7</b><br />\n"

_FAULTS: dict[str, Callable[[Answer, Fault], Answer]] = {
    "html": lambda answer, fault: Answer(_PAGE, content_type="text/html"),
    "empty": lambda answer, fault: Answer(b""),
    "null": lambda answer, fault: Answer(b"null"),
    "none": lambda answer, fault: Answer(b"[]"),
    "garbage": lambda answer, fault: Answer(answer.body[: fault.after] + b"}}]]" + answer.body[fault.after :]),
    "warnings": lambda answer, fault: Answer(_WARNING + answer.body),
    "403": lambda answer, fault: Answer(b"", 403),
    "404": lambda answer, fault: Answer(b"", 404),
    "429": lambda answer, fault: Answer(b"", 429, headers={"Retry-After": "7"}),
    "500": lambda answer, fault: Answer(b"oops", 500),
    "guard": lambda answer, fault: Answer(_PAGE, 403, "text/html", headers={"Server": "cloudflare"}),
    "cut": lambda answer, fault: Answer(answer.body, cut_at=fault.after),
    "cut in silence": lambda answer, fault: Answer(answer.body[: fault.after], until_close=True),
    "drip": lambda answer, fault: Answer(answer.body, drip=True),
    "refused": lambda answer, fault: Answer(b'{"user_info":{"auth":0}}'),
    "object": _changed(_as_object),
    "arrays": _changed(_as_arrays),
    "odd types": _changed(_odd_types),
    "list of one": _changed(lambda value: {key: [item] for key, item in value.items()}),
    "moved": lambda answer, fault: Answer(b"", 302, headers={"Location": "http://127.0.0.1:9/"}),
}


def main() -> None:
    """Run until interrupted."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    offer = catalogue.large_offer(count, count // 2) if count else None
    with XtreamPanel(Line("user", "secret", max_connections="2"), offer=offer) as panel:
        print(f"Xtream panel at {panel.url}, login user:secret, two connections. Ctrl-C ends it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(panel.asked)} requests answered.")


if __name__ == "__main__":
    main()
