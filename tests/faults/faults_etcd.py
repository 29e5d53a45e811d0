"""etcd itself: ended, killed, stopped, wiped."""
from faults import ELECTION_S, fault


@fault("restart", "etcd", elects=True, keeps=True)
def restart(scene):
    """Each node is stopped and started again, one after the other, as a service manager does."""
    scene.begin()
    for index in scene.etcd.all():
        scene.etcd.end_nodes([index])
        if index == 0:
            scene.news()
        scene.etcd.start_nodes([index])
    scene.end()


@fault("outage-short", "etcd", elects=True, keeps=True)
def outage_short(scene):
    """Every node is killed, and all are back before the lease ends."""
    scene.begin()
    scene.etcd.kill_nodes(scene.etcd.all())
    scene.news()
    scene.until_before_lease_end(5)
    scene.etcd.start_nodes(scene.etcd.all())
    scene.end_within_lease()


@fault("outage-long", "etcd", elects=True, deletes=(0, 1))
def outage_long(scene):
    """Every node is killed, for longer than the lease; etcd restarts its leases afterwards."""
    scene.begin()
    scene.etcd.kill_nodes(scene.etcd.all())
    scene.news()
    scene.beyond_lease()
    scene.etcd.start_nodes(scene.etcd.all())
    scene.end()


@fault("wiped", "etcd", elects=True)
def wiped(scene):
    """Every node loses its data: a new cluster at the old addresses, without lease and record."""
    scene.begin()
    scene.news()
    scene.etcd.wipe()
    scene.follower.forget()
    scene.end()


@fault("leader-killed", "etcd", elects=True, keeps=True)
def leader_killed(scene):
    """The leader is killed and stays dead until the record is true; a node alone is started again at once."""
    leader = scene.etcd.leader()
    scene.begin()
    scene.etcd.kill_nodes([leader])
    scene.end()
    scene.news()
    if len(scene.etcd.nodes) == 1:
        scene.etcd.start_nodes([leader])
        scene.end()
    else:
        scene.wait_true()
        scene.etcd.start_nodes([leader])


@fault("two-stopped", "etcd", nodes=(3,), elects=True, keeps=True)
def two_stopped(scene):
    """Two of three nodes are killed, and are back before the lease ends."""
    scene.begin()
    scene.etcd.kill_nodes([0, 1])
    scene.news()
    scene.until_before_lease_end(5)
    scene.etcd.start_nodes([0, 1])
    scene.end_within_lease()


@fault("two-stopped-long", "etcd", nodes=(3,), elects=True, keeps=True)
def two_stopped_long(scene):
    """Two of three nodes are killed, for longer than the lease: without a leader no lease ends."""
    scene.begin()
    scene.etcd.kill_nodes([0, 1])
    scene.news()
    scene.beyond_lease()
    scene.etcd.start_nodes([0, 1])
    scene.end()


@fault("etcd-stopped-short", "etcd-stopped", elects=True, keeps=True)
def etcd_stopped_short(scene):
    """The node, or the leader of three, gets SIGSTOP, and continues before the lease ends."""
    leader = scene.etcd.leader()
    scene.begin()
    scene.etcd.freeze([leader])
    scene.news()
    scene.until_before_lease_end(scene.request_timeout_s() + 1.5)
    scene.etcd.thaw()
    scene.end_within_lease()


@fault("etcd-stopped-long", "etcd-stopped", elects=True, deletes=(0, 1))
def etcd_stopped_long(scene):
    """Every node gets SIGSTOP for longer than the lease."""
    scene.begin()
    scene.etcd.freeze(scene.etcd.all())
    scene.news()
    scene.beyond_lease()
    scene.etcd.thaw()
    scene.end()


@fault("leader-stopped", "etcd-stopped", nodes=(3,), elects=True, keeps=True,
       bound=lambda scene: 2 * ELECTION_S + 2 * scene.request_timeout_s() + 5)
def leader_stopped(scene):
    """The leader of three gets SIGSTOP: the other two continue without it, and so does the agent."""
    leader = scene.etcd.leader()
    scene.begin()
    scene.etcd.freeze([leader])
    scene.end()
    scene.news()
    scene.wait_true()
    scene.etcd.thaw()

