"""A server that keeps one object, for S3's transfer manager: sent in parts, fetched in ranges."""

import http.server
import re
import threading
import urllib.parse

START = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
DONE = b"<CompleteMultipartUploadResult><ETag>done</ETag></CompleteMultipartUploadResult>"


class Bucket(http.server.ThreadingHTTPServer):
    """Listens on a port of its own until it is closed."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Requests)
        self.parts = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def content(self):
        return b"".join(content for _, content in sorted(self.parts.items()))


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
            self.server.parts.clear()
            return self.answer(START)
        return self.answer(DONE)

    def do_PUT(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.server.parts[int(query.get("partNumber", ["1"])[0])] = self.body()
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
