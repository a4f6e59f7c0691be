"""Event files: ours beside TensorBoard's Rust server and its Python readers."""

import peers
from results import PEAK_MIB, best_of, measured, millions, step

# 2 GiB of scalars: what bench-generate writes for 200 runs of six tags, some 52 bytes a point.
RUNS, STEPS = 200, 34_500
# The Python readers take minutes for what we read in a second: a hundredth, ours on it too.
PART = 100


def measure(bench):
    n_runs, n_steps = (20, 5_000) if bench.quick else (RUNS, STEPS)
    n_points, label = n_runs * n_steps * 6, millions(n_runs * n_steps * 6)
    step(f"event files: {n_points:,} points in {n_runs} runs")
    folder, n_bytes = bench.inputs.events("events", n_runs, n_steps)
    step(f"  {n_bytes / 2**30:.2f} GiB")
    costs = []

    def ours():
        costs.append(measured([bench.cli, "runs", folder], bench.scratch))
        return costs[-1]["wall"]

    server = peers.DataServer()
    seconds = best_of(
        {
            "ours": ours,
            "server": lambda: server.load(folder, n_runs, n_steps - 1),
            "server, all": lambda: server.load(folder, n_runs, n_steps - 1, "--checksum", "--samples-per-plugin=scalars=all"),
        }
    )
    default = f"TensorBoard Rust data server {server.version}, defaults (1000 points a tag kept, no checksums)"
    full = "the same server keeping every point, with checksums as we do"
    rate = lambda name: n_bytes / seconds[name] / 1e6
    bench.results.times(f"ingest_tfevents/{label}", rate("ours"), "MB/s", default, rate("server"), 2)
    bench.results.add(f"ingest_tfevents/{label}", n_points / seconds["ours"], "points/s", default, n_points / seconds["server"])
    bench.results.add(f"ingest_tfevents_exact/{label}", rate("ours"), "MB/s", full, rate("server, all"))
    bench.results.below(f"ingest_tfevents_peak/{label}", max(c["mib"] for c in costs), "MiB", PEAK_MIB)
    python_readers(bench, max(2, n_runs // PART), n_steps)


def python_readers(bench, n_runs, n_steps):
    n_points, label = n_runs * n_steps * 6, millions(n_runs * n_steps * 6)
    step(f"  TensorBoard's Python readers, and ours, on {n_points:,} points in {n_runs} runs")
    folder, n_bytes = bench.inputs.events("events-part", n_runs, n_steps)
    mine = best_of({"ours": lambda: measured([bench.cli, "runs", folder], bench.scratch)["wall"]})["ours"]
    for name, reader in (("EventFileLoader", peers.event_file_loader), ("EventAccumulator", peers.event_accumulator)):
        took, n = reader(folder)
        assert n == n_points, f"{name} saw {n} of {n_points} points"
        bench.results.add(f"ingest_tfevents_part/{label}", n_bytes / mine / 1e6, "MB/s", f"TensorBoard Python {name}", n_bytes / took / 1e6)
