"""Everything on one machine: the simulator answers, so no account and no network is needed."""

from inworld_rt import Client
from inworld_rt.simulator import Simulator

with Simulator() as server, Client(url=server.url, credentials=server.api_key) as client:
    print(client.ask("Hello! What can you do?"))
    print(client.ask("Count to five."))
