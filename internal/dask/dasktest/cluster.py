"""A real Dask cluster for tests: prints its address, then does what the lines of its standard input say until they end.

An answer follows each line. Work that takes long goes on in the background.
"""

import json
import os
import sys
import threading
import time


class Counter:
    """An actor."""

    def work(self, seconds):
        """Keep a core busy."""
        spin(seconds)


def spin(seconds):
    """Keep a core busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(100))


def nap(seconds):
    """Hold a slot and no core."""
    time.sleep(seconds)


def leave(seconds):
    """Give the slot back and go on working."""
    from distributed import secede

    secede()
    spin(seconds)


def main(options):
    """Serve until standard input ends."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.admin.tick.limit": "60s", "distributed.worker.memory.terminate": False})
    security = None
    if options.get("tls"):
        from distributed.security import Security

        files = {"tls_ca_file": os.path.join(options["tls"], "ca")}
        for role in ("client", "scheduler", "worker"):
            files[f"tls_{role}_cert"] = os.path.join(options["tls"], f"{role}-certificate")
            files[f"tls_{role}_key"] = os.path.join(options["tls"], f"{role}-key")
        security = Security(require_encryption=True, **files)
    cluster = LocalCluster(
        n_workers=options.get("workers", 2),
        threads_per_worker=options.get("threads", 2),
        dashboard_address=None,
        security=security,
        protocol="tls://" if security else None,
    )
    client = Client(cluster)
    kept = []
    client.wait_for_workers(options.get("workers", 2))
    print(json.dumps({"address": cluster.scheduler_address}), flush=True)
    for line in sys.stdin:
        words = line.split()
        name, arguments = words[0], [float(word) for word in words[1:]]
        answer = "ok"
        if name in ("spin", "nap", "leave"):
            kept.append(client.submit(globals()[name], *arguments, pure=False))
        elif name == "actor":
            actor = client.submit(Counter, actor=True, pure=False).result()
            kept.append((actor, actor.work(*arguments)))
        elif name == "run":
            threading.Thread(target=client.run, args=(spin, *arguments), daemon=True).start()
        elif name == "array":  # tuples are keys of tasks and of metrics then
            import dask.array as da

            kept.append(client.compute(da.ones((400, 400), chunks=(100, 100)).map_blocks(slowly).sum()))
        elif name == "fail":
            kept.append(client.submit(lambda: 1 / 0, pure=False))
        elif name == "many":
            kept.append(client.map(nap, [arguments[1]] * int(arguments[0]), pure=False))
        elif name == "wait":
            from distributed import wait

            wait([k for k in kept if not isinstance(k, (tuple, list))])
        print(json.dumps(answer), flush=True)
    client.close()
    cluster.close()


def slowly(block):
    """Take a while with each block."""
    time.sleep(0.2)
    return block + 1


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
