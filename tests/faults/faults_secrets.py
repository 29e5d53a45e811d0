"""Credentials: tokens that expire, a password that changes, certificates that are replaced on disk."""
import os
import pathlib
import subprocess
import time

from faults import fault
from faults_network import connections_stalled, within_lease
from registry import with_etcd

TOKEN_S = 2
TOKENS = ("--auth-token", "simple", "--auth-token-ttl", str(TOKEN_S))
USER, PASSWORD, NEW_PASSWORD = "outrider", "a password of a test", "the next one"
PREFIXES = ("/services/", "/outrider/")


def put_file(path, text):
    """Replaces a file atomically, as a rotation does."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    beside.chmod(0o600)
    os.replace(beside, path)


def files(scene):
    """The agent's copies of the credentials."""
    folder = scene.dir / "secrets"
    folder.mkdir(exist_ok=True)
    return folder


def with_user(scene):
    scene.secrets += [PASSWORD, NEW_PASSWORD]
    scene.etcd.enable_auth(USER, PASSWORD, PREFIXES)
    put_file(files(scene) / "password", PASSWORD + "\n")


def with_certificates(scene):
    for name in ("ca.crt", "client.crt", "client.key"):
        put_file(files(scene) / name, (scene.etcd.tls.folder / name).read_text())


def with_both(scene):
    with_certificates(scene)
    with_user(scene)


def login(scene):
    return {"username": USER, "password_file": str(files(scene) / "password")}


def tls(scene):
    folder = files(scene)
    return {"tls": {"ca_file": str(folder / "ca.crt"), "cert_file": str(folder / "client.crt"),
                    "key_file": str(folder / "client.key")}}


def login_and_tls(scene):
    return {**login(scene), **tls(scene)}


def token_expiry(scene):
    """Tokens of 2 s over several of their lifetimes, and a restart of etcd, which loses them all."""
    scene.begin()
    for turn in range(3):
        scene.last((turn + 1) * 2.5 * TOKEN_S)
        before = time.monotonic()
        scene.news()
        seconds = scene.wait_true().moment - before
        scene.notes.append(f"after {before - scene.began:.1f} s, {(turn + 1) * 2.5} lifetimes: "
                           f"players={scene.players} was seen in {seconds * 1000:.0f} ms")
    for index in scene.etcd.all():
        scene.etcd.end_nodes([index])
        scene.etcd.start_nodes([index])
    scene.end()
    scene.news()


TOKEN_FAULT = {"keeps": True, "elects": True, "options": TOKENS}
fault("token-expiry", "secrets", prepare=with_user, settings=login, **TOKEN_FAULT)(token_expiry)
fault("token-expiry-tls", "secrets", prepare=with_both, settings=login_and_tls, tls=True, **TOKEN_FAULT)(token_expiry)


# After a refused password the agent retries after 15 to 30 s: each try costs etcd 0.1 s of CPU.
def by_slow_retry(scene):
    return 30 + 2 * scene.request_timeout_s()


# A login between the two changes is refused too.
@fault("password-changed", "secrets", keeps=True, options=TOKENS, prepare=with_user, settings=login, bound=by_slow_retry)
def password_changed(scene):
    """The password is changed, in the file first: existing tokens become invalid."""
    scene.begin()
    put_file(files(scene) / "password", NEW_PASSWORD)
    scene.etcd.once("/v3/auth/user/changepw", {"name": USER, "password": NEW_PASSWORD})
    scene.news()
    scene.end()


@fault("password-late", "secrets", keeps=True, options=TOKENS, prepare=with_user, settings=login, bound=by_slow_retry)
def password_late(scene):
    """The password is changed, and the file follows after more than the TTL: heartbeats need no password."""
    scene.begin()
    scene.etcd.once("/v3/auth/user/changepw", {"name": USER, "password": NEW_PASSWORD})
    scene.news()
    scene.wait_trouble("password")
    scene.beyond_lease()
    put_file(files(scene) / "password", NEW_PASSWORD)
    scene.end()


@fault("permission-lost-server-dies", "secrets", deletes=(1, 1), prepare=with_user, settings=login, bound=by_slow_retry)
def permission_lost_server_dies(scene):
    """The role may only read, and the game server dies: the record cannot be written, nor the lease revoked."""
    scene.begin()
    scene.etcd.permit(USER, PREFIXES, "READ")
    scene.dies_unwritten()
    scene.etcd.permit(USER, PREFIXES, "READWRITE")
    scene.end()


fault("connections-stalled-tls", "secrets", network=True, tls=True, keeps=True, prepare=with_certificates, settings=tls,
      bound=within_lease)(connections_stalled)


def another_authority(scene):
    """etcd's certificate is by another authority from the next handshake on; the watcher accepts both."""
    folder = pathlib.Path(scene.etcd.tls.folder)
    other = scene.dir / "other"
    subprocess.run([with_etcd.CERTS, other], check=True)
    put_file(folder / "ca.crt", (folder / "ca.crt").read_text() + (other / "ca.crt").read_text())
    for name in ("server.key", "server.crt"):
        put_file(folder / name, (other / name).read_text())
    return other


@fault("certificate-replaced", "secrets", network=True, tls=True, keeps=True, prepare=with_certificates, settings=tls)
def certificate_replaced(scene):
    """etcd has a certificate by another authority, and the agent's ca_file and certificate follow a little later."""
    scene.begin()
    other = another_authority(scene)
    scene.net("reset")
    scene.net("pass")
    scene.news()
    scene.wait_trouble("certificate")
    put_file(files(scene) / "ca.crt", (other / "ca.crt").read_text())
    scene.end_within_lease()
