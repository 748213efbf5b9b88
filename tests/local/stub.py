"""Stands for a service where only its being a process matters: answers /readyz, and writes down that it migrated."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({name: value for name, value in os.environ.items() if name.startswith("STEWARD_")}).encode()
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


if __name__ == "__main__":
    if "broken" in sys.argv:
        sys.exit("this service is broken on purpose")
    if "--migrate" in sys.argv:
        Path("migrated").touch()
    else:
        HTTPServer(("127.0.0.1", int(os.environ["STEWARD_PORT"])), Ready).serve_forever()
