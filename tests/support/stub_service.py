"""A stub of a service's process: ready at once, answers its environment as JSON. `stub_service NAME [dies]`."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"pid": os.getpid(), "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    sys.stderr.write(f"{sys.argv[1]} says hello\n")
    if "dies" in sys.argv:
        sys.exit("it cannot start")
    HTTPServer(("127.0.0.1", int(os.environ["JOLDAMA_INSIDE_PORT"])), Handler).serve_forever()
