"""The network between the agent and etcd; the watcher connects to etcd directly."""
import time

from faults import fault

# The behaviour of the proxy, and how long before the end of the lease it must end for the agent to have a last try: a refusal is
# known at once and retried within a second; a request without an answer waits for its timeout first.
KINDS = {"refuse": False, "reset": False, "stall": True, "black-hole": True}


def margin(scene, silent):
    return (2.0 if scene.patient else 1.2) + (scene.request_timeout_s() if silent else 0)


def short(kind, silent):
    def play(scene):
        scene.begin()
        scene.net(kind)
        scene.news()
        scene.until_before_lease_end(margin(scene, silent))
        scene.net("pass")
        scene.end_within_lease()
    play.__doc__ = f"Every connection meets {kind}, until shortly before the lease ends."
    return play


def long(kind):
    def play(scene):
        scene.begin()
        scene.net(kind)
        scene.news()
        scene.wait_gone()
        scene.beyond_lease()
        scene.net("pass")
        scene.end()
    play.__doc__ = f"Every connection meets {kind}, for longer than the lease."
    return play


def one(kind):
    def play(scene):
        used = scene.endpoint_in_use()
        scene.begin()
        scene.net(kind, [used])
        scene.end()
        scene.news()
        scene.wait_true()
        scene.second_news()
        scene.beyond_lease()
        scene.net("pass", [used])
    play.__doc__ = f"The endpoint in use meets {kind} for longer than the lease; the other two do not."
    return play


for name, is_silent in KINDS.items():
    fault(f"{name}-short", "network", network=True, keeps=True)(short(name, is_silent))
    fault(f"{name}-long", "network", network=True, deletes=(1, 1))(long(name))
    fault(f"one-{name}", "network", nodes=(3,), network=True, keeps=True,
          bound=lambda scene: 2 * scene.request_timeout_s() + 1)(one(name))


@fault("half-close", "network", network=True, keeps=True)
def half_close(scene):
    """Every reply is followed by the end of the stream, for longer than the lease."""
    scene.begin()
    scene.net("half-close")
    scene.news()
    scene.beyond_lease()
    scene.net("pass")
    scene.end()


@fault("compaction", "network", network=True, deletes=(0, 0))
def compaction(scene):
    """The key is overwritten by hand while the agent gets no data, and that history is compacted."""
    scene.begin()
    scene.net("black-hole")
    scene.overwrite()
    scene.etcd.compact(scene.follower.seen(scene.overwrite()))
    scene.news()
    scene.until_before_lease_end(margin(scene, True))
    scene.net("pass")
    scene.end_within_lease()


def within_lease(scene):
    return scene.ttl_s


# Only a comparison beside it finds a stalled stream, twice in two TTLs.
def by_comparison(scene):
    return 2 * scene.ttl_s


@fault("watch-stalled", "network", network=True, deletes=(2, 2), bound=by_comparison)
def watch_stalled(scene):
    """The watch stalls without a sign, and the record is deleted by hand; it is found, and another watch is opened."""
    scene.begin()
    scene.net("mute /v3/watch")
    scene.etcd.delete(scene.agent.key)
    scene.end()
    scene.wait_true()
    scene.agent.logged("watch of own keys stalled")
    scene.settle()
    since = scene.follower.mark()
    scene.etcd.delete(scene.agent.key)
    again = time.monotonic()
    seconds = scene.follower.wait(scene.is_true, "the record again", since).moment - again
    scene.notes.append(f"deleted again, back in {seconds:.1f} s")
    scene.check.assertLess(seconds, scene.ttl_s)


# As a firewall does that loses its connection table.
@fault("connections-stalled", "network", network=True, keeps=True, bound=within_lease)
def connections_stalled(scene):
    """Every open connection stalls without a sign, while new ones work."""
    scene.begin()
    scene.net("mute")
    scene.news()
    scene.end()
    scene.beyond_lease()
