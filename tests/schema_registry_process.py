"""A registry of schemas on a port of its own, as a process: good, slow, empty, broken, or talking nonsense."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Behaves as a file says, which a test can change while it runs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        folder = Path(sys.argv[1])
        mode = (folder / "mode").read_text()
        with (folder / "asked").open("a") as asked:
            asked.write(f"{self.path} {self.headers.get('apikey')}\n")
        if mode == "slow":
            time.sleep(30)
        if mode == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            for _ in range(300):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        if mode == "redirect":
            self._reply(302, b"", ("Location", "/elsewhere"))
            return
        status, body = {"500": (500, b"oops"), "garbage": (200, b"<html>hello</html>")}.get(mode, (404, b"{}"))
        file = folder / self.path.lstrip("/")
        if mode == "good" and file.is_file():
            status, body = 200, file.read_bytes()
        self._reply(status, body)

    def _reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's output clean."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    server.daemon_threads = True
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
