"""The agent stopped, and changes by hand in etcd."""
from faults import fault
from scene import SLACK_S


@fault("agent-stopped-short", "agent", keeps=True)
def agent_stopped_short(scene):
    """The agent gets SIGSTOP, and continues before the lease ends."""
    scene.begin()
    scene.freeze_agent()
    scene.expect("ready", scene.players + 1)
    scene.queue_line(f"ready players={scene.players}")
    scene.until_before_lease_end(1)
    scene.thaw_agent()
    scene.end_within_lease()


@fault("agent-stopped-long", "agent", deletes=(1, 1))
def agent_stopped_long(scene):
    """The agent gets SIGSTOP for longer than the lease."""
    scene.allowed.add("initializing")  # after such a gap the server is probed first
    scene.begin()
    scene.freeze_agent()
    scene.expect("ready", scene.players + 1)
    scene.queue_line(f"ready players={scene.players}")
    scene.wait_gone()
    scene.beyond_lease()
    scene.thaw_agent()
    scene.end()


@fault("agent-stopped-server-dies", "agent", deletes=(1, 1))
def agent_stopped_server_dies(scene):
    """The same, and the game server dies meanwhile: it must not be listed as ready again."""
    scene.begin()
    scene.freeze_agent()
    scene.game.close()
    scene.wait_gone()
    scene.beyond_lease()
    scene.allowed = {"initializing", "error"}
    scene.expect("error", scene.players)
    scene.thaw_agent()
    scene.end()


# Found by the next heartbeat at the latest: within a third of the TTL, or a request later.
def by_heartbeat(scene):
    return scene.ttl_s / 3 + scene.request_timeout_s() + SLACK_S


@fault("lease-revoked", "hands", deletes=(1, 1), bound=by_heartbeat)
def lease_revoked(scene):
    """The lease is revoked by hand."""
    scene.begin(fresh=False)
    scene.etcd.revoke(scene.etcd.get(scene.agent.key).lease)
    scene.end()


@fault("key-deleted", "hands", deletes=(1, 1), bound=by_heartbeat)
def key_deleted(scene):
    """The record is deleted by hand."""
    scene.begin(fresh=False)
    scene.etcd.delete(scene.agent.key)
    scene.end()


@fault("key-overwritten", "hands", bound=by_heartbeat)
def key_overwritten(scene):
    """The record is overwritten by hand, without a lease."""
    scene.begin(fresh=False)
    scene.overwrite()
    scene.end()
