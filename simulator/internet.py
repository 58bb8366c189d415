"""Starts the small internet: every baker on a port of its own, and a photo API."""

from dataclasses import dataclass

from simulator.photo_api import PhotoApi
from simulator.platforms import PLATFORMS
from simulator.server import BakerSite, Server
from simulator.world import World

IDIOMS = tuple(PLATFORMS)  # names of the platforms


@dataclass
class Internet:
    world: World
    sites: dict[str, Server]
    photo_api: Server
    api: PhotoApi

    @classmethod
    def start(cls, world: World, first_port: int = 0, latency_s: float = 0.0) -> "Internet":
        """Start the bakers on first_port, first_port + 1, …, then the photo API; 0 takes free ports.

        latency_s: how long every answer is delayed. Raises OSError where a port is taken.
        """
        port = iter(range(first_port, first_port + len(world.bakers) + 1)) if first_port else iter([0] * 1000)
        sites = {baker.name: Server(BakerSite(baker), next(port), latency_s) for baker in world.bakers}
        api = PhotoApi(world.photos)
        return cls(world, sites, Server(api, next(port), latency_s), api)

    @property
    def servers(self) -> list[Server]:
        return [*self.sites.values(), self.photo_api]

    @property
    def addresses(self) -> list[str]:
        """host:port of every server."""
        return [server.address for server in self.servers]

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
