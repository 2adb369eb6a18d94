"""Run a Ray cluster in a process of its own, because Ray's libraries change signal handlers.

Prints "address: …". Each line on stdin kills a node; the end of stdin ends the cluster.
"""

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    memory = {"object_store_memory": 100_000_000}
    patience = {"health_check_period_ms": 1000}
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": patience, **memory}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    workers = [cluster.add_node(num_cpus=1, **memory) for _ in range(2)]
    print(f"address: {cluster.address}", flush=True)
    for _ in sys.stdin:
        cluster.remove_node(workers.pop(), allow_graceful=False)
    cluster.shutdown()


if __name__ == "__main__":
    main()
