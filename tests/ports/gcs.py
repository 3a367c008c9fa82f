"""A Google Cloud Storage of this machine's own: the emulator, behind the XML API of the real one.

The emulator (fake-gcs-server) speaks the JSON API, and delta-rs the XML API. What stands between
them translates and keeps nothing but the parts of an upload that is not whole yet.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.message import Message
from email.utils import format_datetime
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

from tests.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 300.0

#: Of the XML API: write only if the object has this generation; 0: if there is none.
IF_GENERATION = "x-goog-if-generation-match"


class Refused(Exception):
    """What the emulator answered other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Emulator:
    """The emulator's JSON API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[Message, bytes]:
        """Headers and body of an answer.

        Raises:
            Refused: it was no success.
        """
        asked = urllib.request.Request(
            self.address + path, data=body, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(asked, timeout=300) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code) from None

    def put(self, bucket: str, name: str, body: bytes, generation: str | None) -> dict[str, Any]:
        """Writes an object."""
        asked = {"uploadType": "media", "name": name}
        if generation is not None:
            asked["ifGenerationMatch"] = generation
        path = f"/upload/storage/v1/b/{bucket}/o?{urlencode(asked)}"
        _, told = self.call("POST", path, body)
        found: dict[str, Any] = json.loads(told)
        return found

    def copy(self, bucket: str, source: str, name: str, generation: str | None) -> None:
        """Copies an object."""
        if generation == "0" and self.has(bucket, name):
            raise Refused(412)
        there = f"/storage/v1/b/{bucket}/o/{_quoted(source.partition('/')[2])}"
        self.call("POST", f"{there}/rewriteTo/b/{bucket}/o/{_quoted(name)}", b"{}")

    def has(self, bucket: str, name: str) -> bool:
        """Whether there is such an object."""
        try:
            self.about(bucket, name)
        except Refused:
            return False
        return True

    def about(self, bucket: str, name: str) -> dict[str, Any]:
        """What is known of an object."""
        _, told = self.call("GET", f"/storage/v1/b/{bucket}/o/{_quoted(name)}")
        found: dict[str, Any] = json.loads(told)
        return found

    def read(self, bucket: str, name: str) -> bytes:
        """An object's bytes."""
        return self.call("GET", f"/storage/v1/b/{bucket}/o/{_quoted(name)}?alt=media")[1]

    def delete(self, bucket: str, name: str) -> None:
        """Deletes an object."""
        self.call("DELETE", f"/storage/v1/b/{bucket}/o/{_quoted(name)}")

    def list(self, bucket: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """Objects and prefixes."""
        _, told = self.call("GET", f"/storage/v1/b/{bucket}/o?{urlencode(asked)}")
        found: dict[str, Any] = json.loads(told)
        return found


class _Door(BaseHTTPRequestHandler):
    """The XML API, of which delta-rs asks for this much."""

    protocol_version = "HTTP/1.1"
    emulator: ClassVar[Emulator]
    uploads: ClassVar[dict[str, dict[int, bytes]]]

    def log_message(self, *_: object) -> None:
        """Nothing: the tests say what went wrong."""

    def do_GET(self) -> None:
        self._answered(self._get)

    do_HEAD = do_GET  # noqa: N815 - the name that the library looks for

    def do_PUT(self) -> None:
        self._answered(self._put)

    def do_POST(self) -> None:
        self._answered(self._post)

    def do_DELETE(self) -> None:
        self._answered(self._delete)

    def _answered(self, answer: Any) -> None:
        size = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(size)
        place = urlsplit(self.path)
        self.bucket, _, name = place.path.lstrip("/").partition("/")
        self.name = unquote(name)
        self.query = {k: v[0] for k, v in parse_qs(place.query, keep_blank_values=True).items()}
        try:
            answer()
        except Refused as refused:
            self._send(refused.status, b"")

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _get(self) -> None:
        if not self.name:
            self._list()
            return
        about, body = (
            self.emulator.about(self.bucket, self.name),
            self.emulator.read(self.bucket, self.name),
        )
        told = {"etag": _etag(body), "last_modified": _changed(about)}
        told["x_goog_generation"] = str(about["generation"])
        wanted = self.headers.get("range")
        if wanted is None:
            self._send(200, body, **told)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last) + 1, len(body)) if first and last else len(body)
        if start >= len(body):
            raise Refused(416)
        told["content_range"] = f"bytes {start}-{end - 1}/{len(body)}"
        self._send(206, body[start:end], **told)

    def _list(self) -> None:
        names = {"prefix": "prefix", "delimiter": "delimiter", "continuation-token": "pageToken"}
        names |= {"max-keys": "maxResults", "start-after": "startOffset"}
        asked = {names[each]: self.query[each] for each in names if self.query.get(each)}
        found = self.emulator.list(self.bucket, asked)
        after = self.query.get("start-after")
        lines = [
            f"<Contents><Key>{escape(each['name'])}</Key><Size>{each['size']}</Size>"
            f"<LastModified>{each['updated']}</LastModified>"
            f"<ETag>{escape(each['etag'])}</ETag></Contents>"
            for each in found.get("items", ())
            if each["name"] != after
        ]
        lines += [
            f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
            for each in found.get("prefixes", ())
        ]
        if token := found.get("nextPageToken"):
            lines.append(f"<NextContinuationToken>{escape(token)}</NextContinuationToken>")
        self._send(200, f"<ListBucketResult>{''.join(lines)}</ListBucketResult>".encode())

    def _put(self) -> None:
        generation, source = self.headers.get(IF_GENERATION), self.headers.get("x-goog-copy-source")
        if "partNumber" in self.query:
            self.uploads[self.query["uploadId"]][int(self.query["partNumber"])] = self.body
        elif source is not None:
            self.emulator.copy(self.bucket, unquote(source), self.name, generation)
        else:
            self.emulator.put(self.bucket, self.name, self.body, generation)
        self._send(200, b"", etag=_etag(self.body))

    def _post(self) -> None:
        if "uploads" in self.query:
            upload = uuid.uuid4().hex
            self.uploads[upload] = {}
            told = f"<UploadId>{upload}</UploadId>"
            body = f"<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>"
        else:
            parts = self.uploads.pop(self.query["uploadId"])
            whole = b"".join(part for _, part in sorted(parts.items()))
            self.emulator.put(self.bucket, self.name, whole, self.headers.get(IF_GENERATION))
            told = f"<ETag>{escape(_etag(whole))}</ETag>"
            body = f"<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>"
        self._send(200, body.encode())

    def _delete(self) -> None:
        if "uploadId" in self.query:
            self.uploads.pop(self.query["uploadId"], None)
        else:
            self.emulator.delete(self.bucket, self.name)
        self._send(204, b"")


@contextlib.contextmanager
def bucket(program: str, folder: Path, name: str) -> Iterator[dict[str, str]]:
    """What delta-rs is told of a store with an empty bucket of that name, while it runs.

    `program` is the emulator's. The door is a process of its own: delta-rs asks some questions
    without letting another thread of Python run.
    """
    port, own = free_port(), free_port()
    address, base = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own}"
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-external-url", address]
    command += ["-backend", "memory", "-log-level", "error"]
    with contextlib.ExitStack() as stack:
        said = stack.enter_context((folder / "gcs.log").open("wb"))
        stack.enter_context(_running(command, said))
        door = stack.enter_context(
            _running([sys.executable, "-m", "tests.ports.gcs", address, str(own)], said)
        )
        _wait(address, "/storage/v1/b?project=test")
        made = json.dumps({"name": name}).encode()
        own_type = {"Content-Type": "application/json"}
        Emulator(address).call("POST", "/storage/v1/b?project=test", made, **own_type)
        _wait(base, f"/{name}")
        assert door.poll() is None
        account = folder / "account.json"
        told = {"gcs_base_url": base, "disable_oauth": True}
        nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        account.write_text(json.dumps(told | nobody), encoding="utf-8")
        yield {"google_service_account": str(account), "allow_http": "true"}


@contextlib.contextmanager
def _running(command: list[str], said: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=said, stderr=said, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(300)


def _wait(address: str, path: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            Emulator(address).call("GET", path)
            return
        except (OSError, Refused):
            assert time.monotonic() < until, f"{address} does not answer"
            time.sleep(0.05)


def _etag(body: bytes) -> str:
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'


def _changed(about: Mapping[str, Any]) -> str:
    return format_datetime(datetime.fromisoformat(about["updated"]), usegmt=True)


def _quoted(name: str) -> str:
    return quote(name, safe="")


if __name__ == "__main__":
    _Door.emulator, _Door.uploads = Emulator(sys.argv[1]), {}
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), _Door) as serving:
        serving.serve_forever()
