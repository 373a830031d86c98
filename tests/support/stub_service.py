"""A stub of a service's process: ready at once, answers what it finds as JSON. `stub_service NAME [dies]`."""

import json
import os
import random
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from uuid_utils import uuid7


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        handled = [one.name for one in signal.valid_signals() if callable(signal.getsignal(one))]
        found = {"environment": dict(os.environ), "folder": os.getcwd(), "handled signals": handled}
        body = json.dumps(found | {"chance": [random.random(), str(uuid7())]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    sys.stderr.write(f"{sys.argv[1]} says hello\n")
    if "dies" in sys.argv:
        sys.exit("it cannot start")
    HTTPServer(("127.0.0.1", int(os.environ["JOLDAMA_INSIDE_PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
