"""A TLS handshake with a local server, whose certificate lies beside this file."""

import contextlib
import os
import socket
import ssl
import threading
from pathlib import Path

folder = Path(os.environ["CHECK"]).parent
offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
offered.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
wanted = ssl.create_default_context(cafile=folder / "certificate.pem")
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(30)


def serve():
    connection, _ = listener.accept()
    with offered.wrap_socket(connection, server_side=True) as secure:
        secure.sendall(secure.recv(100)[::-1])


server = threading.Thread(target=serve, daemon=True)
server.start()
with socket.create_connection(listener.getsockname()) as plain:
    secure = wanted.wrap_socket(plain, server_hostname="localhost")
    assert secure.version() == "TLSv1.3", secure.version()
    secure.sendall(b"drawer")
    assert secure.recv(100) == b"reward"
    secure.close()
server.join(30)


def serve_in_vain():
    with contextlib.suppress(OSError):
        serve()


listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(30)
server = threading.Thread(target=serve_in_vain, daemon=True)
server.start()
try:
    with socket.create_connection(listener.getsockname()) as plain:
        wanted.wrap_socket(plain, server_hostname="elsewhere.example")
except ssl.SSLCertVerificationError as error:
    assert "elsewhere.example" in str(error)
else:
    raise AssertionError("a certificate for another host was accepted")
server.join(30)
