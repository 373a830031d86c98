"""The image's health check: exit 0 when this container's process says it is ready. Imports little: it runs all day.

Another path of the port inside, such as /metrics, may be named.
"""

import os
import socket
import sys

connection = socket.create_connection(("127.0.0.1", int(os.environ["JOLDAMA_INSIDE_PORT"])), 5)
if os.environ.get("JOLDAMA_TLS_CERT_FILE"):
    import ssl

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it asks itself, by no name of the certificate
    connection = context.wrap_socket(connection)
with connection:
    connection.settimeout(5)
    connection.sendall(f"GET {(*sys.argv, '/readyz')[1]} HTTP/1.0\r\n\r\n".encode())
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
head, _, body = answer.partition(b"\r\n\r\n")
sys.stdout.write(body.decode(errors="replace") + "\n")  # `docker inspect` shows which check fails
sys.exit(0 if head.split(b" ")[1:2] == [b"200"] else 1)
