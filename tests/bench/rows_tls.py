"""The rows of TLS: a look-up over a kept connection against the same without TLS, and handshakes a second against nginx with
the same certificate. Client and server share the machine, so that a part of each figure is the client's."""
import http.client
import shutil
import socket
import ssl
import subprocess
import time

import lib
from lib import Agent, Failed, Listener, median, p99
from rows import Row

CERTS = lib.pathlib.Path(__file__).resolve().parent.parent / "support" / "certs"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

class Secure(Agent):
    """An agent that listens on a plain port and on one with TLS, too."""

    def __init__(self, place, name, port, certs):
        super().__init__(place, name, port, start=False)
        self.plain, self.tls = lib.free_ports(2)
        text = self.config.read_text(encoding="utf-8")
        listen = f'listen: "unix:{self.folder}/http.sock"'
        if listen not in text:
            raise Failed("the configuration of an agent has another form")
        more = f', "127.0.0.1:{self.plain}", "tls://127.0.0.1:{self.tls}"]'
        files = f", tls: {{cert_file: {certs}/server.crt, key_file: {certs}/server.key}}"
        self.config.write_text(text.replace(listen, f'listen: ["unix:{self.folder}/http.sock"{more}{files}'), encoding="utf-8")
        self.start()


def nginx(place, certs, port):
    folder = place.folder / "nginx"
    folder.mkdir(exist_ok=True)
    paths = "".join(f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "conf").write_text(
        f"daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error; events {{}}\n"
        f"http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certs}/server.crt;\n"
        f"ssl_certificate_key {certs}/server.key; location / {{ return 200 ok; }} }} }}\n")
    return place.start([NGINX, "-e", str(folder / "error"), "-c", str(folder / "conf")])


def look_up(connection):
    """us."""
    began = time.perf_counter()
    connection.request("GET", "/api/agent")
    connection.getresponse().read()
    return (time.perf_counter() - began) * 1e6


def handshakes(context, port, count):
    """A second, one after the other."""
    began = time.perf_counter()
    for _ in range(count):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"):
            pass
    return count / (time.perf_counter() - began)


def opens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def tls(place, options):
    shakes = max(100, options.gets // 5)
    certs = place.folder / "certs"
    subprocess.run([CERTS, certs], check=True, capture_output=True)
    context = ssl.create_default_context(cafile=certs / "ca.crt")
    listener = Listener()
    agent = Secure(place, "tls", listener.port, certs)
    lib.wait_until("its ports open", lambda: opens(agent.tls) and opens(agent.plain))
    plain = http.client.HTTPConnection("127.0.0.1", agent.plain)
    secure = http.client.HTTPSConnection("127.0.0.1", agent.tls, context=context)
    for connection in (plain, secure):
        look_up(connection)
    floors, samples = [], []
    for _ in range(options.gets):
        floors.append(look_up(plain))
        samples.append(look_up(secure))
    plain.close()
    secure.close()
    yield Row("look-up over TLS, kept connection", "us", median(samples), p99(samples), options.gets, floor=median(floors), limit=1.3)
    ours, note = handshakes(context, agent.tls, shakes), "nginx is not here"
    if shutil.which(NGINX):
        port = lib.free_ports(1)[0]
        other = nginx(place, certs, port)
        lib.wait_until("nginx opens its port", lambda: opens(port))
        note = f"nginx, one worker, the same key: {handshakes(context, port, shakes):.0f}"
        place.stop(other)
    yield Row("TLS handshakes, one after the other", "1/s", ours, n=shakes, note=note)
    agent.stop()
    listener.close()


ROWS = {"tls": tls}
