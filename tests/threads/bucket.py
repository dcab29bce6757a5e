"""A server that keeps one object, for S3's transfer manager: sent in parts, fetched in ranges.

Several processes may send it at once: it is what was completed last.
"""

import http.server
import itertools
import re
import threading
import urllib.parse

START = b"<InitiateMultipartUploadResult><UploadId>%d</UploadId></InitiateMultipartUploadResult>"
DONE = b"<CompleteMultipartUploadResult><ETag>done</ETag></CompleteMultipartUploadResult>"


class Bucket(http.server.ThreadingHTTPServer):
    """Listens on a port of its own until it is closed."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Requests)
        self.content = b""
        # Contents by upload and part, until the upload is completed.
        self.parts = {}
        self.numbers = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, content=b"", status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    @property
    def query(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))

    def body(self):
        """What was sent, without the frames that sign each part of it (aws-chunked)."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return content
        parts, at = [], 0
        while True:
            end = content.index(b"\r\n", at)
            size = int(content[at:end].partition(b";")[0], 16)
            if not size:
                return b"".join(parts)
            parts.append(content[end + 2 : end + 2 + size])
            at = end + 4 + size

    def do_POST(self):
        self.body()
        if "uploads" in self.path:
            number = next(self.server.numbers)
            self.server.parts[str(number)] = {}
            return self.answer(START % number)
        parts = self.server.parts.pop(self.query["uploadId"])
        self.server.content = b"".join(content for _, content in sorted(parts.items()))
        return self.answer(DONE)

    def do_PUT(self):
        query = self.query
        if "uploadId" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = self.body()
        else:
            self.server.content = self.body()
        self.answer(ETag='"part"')

    def do_HEAD(self):
        self.answer(self.server.content, ETag='"object"')

    def do_GET(self):
        content, asked = self.server.content, re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            return self.answer(content, ETag='"object"')
        first, last = int(asked[1]), int(asked[2] or len(content) - 1)
        last = min(last, len(content) - 1)
        where = f"bytes {first}-{last}/{len(content)}"
        return self.answer(content[first : last + 1], 206, Content_Range=where, ETag='"object"')
