"""The type of a fault, and the list of all faults."""
import dataclasses
import typing

from harness import Agent
from scene import RETRY_CAP_S

ALL = {}
ELECTION_S = 3.0  # 1.0 to 2.2 s were measured, and a vote may be split


def nothing(_scene):
    return {}


@dataclasses.dataclass
class Fault:
    """`play` begins and ends the fault; the other fields state what it may cost."""

    name: str
    group: str
    play: typing.Callable
    about: str
    nodes: tuple = (1, 3)
    elects: bool = False  # it contains an election: the lease needs 10 s
    keeps: bool = False  # ends before the lease does, or never affects the lease: no delete, three runs
    deletes: tuple = (0, 0)  # at least, at most
    bound: typing.Optional[typing.Callable] = None  # of the recovery, in seconds
    network: bool = False  # the agent connects to etcd through proxies
    lines: int = 16  # of log, at most
    saves: int = 2  # writes of the state file at most, besides one per change reported by the server
    options: tuple = ()  # of etcd
    tls: bool = False
    agent: type = Agent
    possible: typing.Callable = lambda: True  # on this machine, with the rights of the user
    popen: dict = dataclasses.field(default_factory=dict)
    prepare: typing.Callable = nothing
    settings: typing.Callable = nothing

    def ttl(self, nodes):
        return 10 if self.elects or nodes > 1 else 5

    def bound_s(self, scene):
        """By the protocol: one TTL, the cap of a retry, a request that hangs, and an election if there is one."""
        if self.bound:
            return self.bound(scene)
        return scene.ttl_s + RETRY_CAP_S + scene.request_timeout_s() + (ELECTION_S if self.elects else 0)


def fault(name, group, **more):
    """Registers a function as a fault; its docstring is its text in the list."""
    def put(play):
        ALL[name] = Fault(name=name, group=group, play=play, about=play.__doc__, **more)
        return play
    return put
