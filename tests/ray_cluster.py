"""A Ray cluster of two nodes on this machine, each started in a directory of its own.

Prints its address; a line on stdin kills the second node, the end of stdin ends the cluster.
"""

import os
import sys
from pathlib import Path

from ray.cluster_utils import Cluster

here = Path.cwd()
for name in ("first", "second"):
    (here / name).mkdir()
os.chdir(here / "first")
head = {"num_cpus": 1, "node_ip_address": "127.0.0.2", "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)
os.chdir(here / "second")
second = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.3")
cluster.wait_for_nodes()
print(cluster.address, flush=True)
for _ in sys.stdin:
    cluster.remove_node(second, allow_graceful=False)
    print("killed", flush=True)
cluster.shutdown()
