"""What drift and profiles cost, ours and the peers', on the same files: CPU seconds, wall seconds, peak memory.

    drift.py --work FOLDER [--quick]        the peers alone, as text; with ours: `run.py --only drift`

Every engine is a process of its own that reads the files itself, measured from outside by measured.py, the files in the
page cache. CPU seconds are what is judged: on a machine that does something else too, wall seconds say little.
The Pythons that have the peers come from scripts/bench.sh; a peer whose Python is not there is told and left out.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Of what takes seconds the best of so many counts. What takes minutes runs once: it is not told from ours by a tenth.
REPEAT = 3
EVIDENTLY_10M_GIB = 13
PEAK_MIB = 300
# Which of the two Pythons has a peer: SIGNALBOX_PYTHON_DRIFT or SIGNALBOX_PYTHON_WHYLOGS.
PEERS = {"duckdb": "DRIFT", "polars": "DRIFT", "pyarrow": "DRIFT", "evidently": "DRIFT", "nannyml": "DRIFT", "whylogs": "WHYLOGS"}


@dataclasses.dataclass
class Cost:
    engine: str
    cpu: float
    wall: float
    mib: float
    found: object = None

    def __str__(self):
        return f"{self.engine:<48} {self.cpu:8.2f} CPU s {self.wall:8.2f} s {self.mib:6.0f} MiB"


def absent(cli):
    """What of ours this binary does not know yet."""
    asked = (["data", "drift"], ["data", "profile"])
    known = [subprocess.run([cli, *words, "--help"], capture_output=True).returncode == 0 for words in asked]
    return [" ".join(words) for words, there in zip(asked, known) if not there]


def free_gib():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20


def warm(*paths):
    """Into the page cache."""
    for path in paths:
        for file in path.rglob("*.parquet") if path.is_dir() else [path]:
            with open(file, "rb", buffering=0) as opened:
                while opened.read(1 << 22):
                    pass


class Drift:
    def __init__(self, work, quick, cli=None, results=None):
        self.work, self.quick, self.cli, self.results = work, quick, cli, results
        # Beside the folder that each bench empties: remade only when what makes them changes.
        made_by = hashlib.sha256((HERE / "drift_input.py").read_bytes()).hexdigest()[:8]
        self.inputs = work.with_name(f"{work.name}-drift-{made_by}")
        self.scratch = work / "drift"
        self.floor = cli and cli.with_name("bench-drift-floor")

    def measure(self):
        if missing := self.cli and absent(self.cli):
            print(f"drift: this signalbox does not know {' or '.join(missing)} yet: skipped", flush=True)
            return
        self.pair("m1x20", 100_000 if self.quick else 1_000_000)
        if not self.quick:
            self.pair("m10x10", 10_000_000)
        self.year(240 if self.quick else 8760)

    # What is measured.

    def pair(self, name, n_rows):
        label = f"{n_rows / 1e6:g}Mx{name.split('x')[1]}"
        folder = self.made(name, n_rows)
        ref, cur = folder / f"{name}.ref.parquet", folder / f"{name}.cur.parquet"
        self.columns = folder / f"{name}.columns.json"
        warm(ref, cur)
        print(f"drift: reference and current of {label}, {(ref.stat().st_size + cur.stat().st_size) >> 20} MiB", flush=True)
        ours = self.in_turn({"ours": self.cli and (lambda: self.ours("drift", ref, cur))}).get("ours")
        costs = []
        for peer in self.slow(name):
            if cost := self.peer(peer, ref, cur):
                costs.append(cost)
                print(f"  {cost}", flush=True)
        if ours:
            self.told_drift(label, ours, costs)
        self.profile(label, ref)

    def slow(self, name):
        if name == "m1x20":
            return ["evidently_preset", "nannyml_js", "nannyml_4", "whylogs"]
        if free_gib() < EVIDENTLY_10M_GIB:
            print(f"  Evidently is left out here: it needs some 11 GiB, and {free_gib():.0f} are free", flush=True)
            return ["nannyml_js"]
        return ["evidently_preset", "nannyml_js"]

    def profile(self, label, path):
        print(f"profile of {label}: moments, 64 bins, categories; and sums alone", flush=True)
        best = self.in_turn(
            {
                "ours": self.cli and (lambda: self.ours("profile", path, "--counts-only")),
                "floor": (command := self.floor_command(path)) and (lambda: self.run("our sums alone", command)),
                **{name: lambda name=name: self.peer(name, path) for name in ("duckdb_profile", "polars_profile")},
                **{name: lambda name=name: self.peer(name, path) for name in ("duckdb_sums", "polars_sums", "pyarrow_sums")},
                **{name: lambda name=name: self.peer(name) for name in ("duckdb_start", "polars_start", "pyarrow_start")},
            }
        )
        same_counts(best.get("duckdb_profile"), best.get("polars_profile"))
        if "ours" in best:
            self.told_profile(label, best)

    def year(self, n_files):
        folder = self.made("year", n_files) / "year"
        self.columns = folder.with_name("year.columns.json")
        warm(folder)
        print(f"profiles of {n_files:,} hourly files", flush=True)
        peers = ("duckdb_year", "polars_year")
        best = self.in_turn({name: lambda name=name: self.peer(name, folder) for name in peers})
        if not self.cli:
            return
        label = f"{n_files}_files"
        for name, kept in (("profile_year", False), ("profile_year_again", True)):
            ours = self.ours("profile", folder, "--counts-only", kept=kept)
            for peer in filter(None, map(best.get, peers)):
                self.results.add(f"{name}/{label}", ours.cpu, "CPU s", f"{peer.engine}, grouped by file", peer.cpu)
            self.goal_peak(f"{name}_peak/{label}", ours)
        self.monitor(folder.parent, label)

    def monitor(self, folder, label):
        """The same files under a monitor, as the window has it."""
        print("  a monitor over them, through signalbox serve", flush=True)
        env = os.environ | {"SIGNALBOX_BIN": str(self.cli.parent)}
        done = subprocess.run(["node", HERE / "monitor.mjs", folder], check=True, stdout=subprocess.PIPE, text=True, env=env)
        for row in json.loads(done.stdout):
            self.results.add(f"monitor/{label}/{row['name']}", row["value"], row["unit"], goal=row.get("goal"), met=row.get("met"))

    # What is told.

    def told_drift(self, label, ours, costs):
        for peer in costs:
            goal = ("≥ 100× less", peer.cpu >= 100 * ours.cpu) if peer.engine.startswith("Evidently") else (None, None)
            self.results.add(f"drift/{label}", ours.cpu, "CPU s", peer.engine, peer.cpu, *goal)
            self.results.add(f"drift_wall/{label}", ours.wall, "s", peer.engine, peer.wall)
            self.results.add(f"drift_memory/{label}", ours.mib, "MiB", peer.engine, peer.mib)
        self.goal_peak(f"drift_peak/{label}", ours)

    def told_profile(self, label, best):
        ours = best["ours"]
        for engine in ("duckdb", "polars"):
            if peer := best.get(f"{engine}_profile"):
                name = f"{peer.engine}, {best[f'{engine}_start'].cpu:.2f} of it its start"
                self.results.add(f"profile/{label}", ours.cpu, "CPU s", name, peer.cpu)
        self.goal_peak(f"profile_peak/{label}", ours)
        for engine in ("duckdb", "polars", "pyarrow"):
            if peer := best.get(f"{engine}_sums"):
                name = f"{peer.engine} summing only, {best[f'{engine}_start'].cpu:.2f} of it its start"
                self.results.add(f"profile/{label}", ours.cpu, "CPU s", name, peer.cpu)
        if floor := best.get("floor"):
            over = ours.cpu / floor.cpu
            self.results.add(f"profile_over_sums/{label}", over, "× floor", goal="< 3×", met=over < 3)

    def goal_peak(self, name, ours):
        self.results.add(name, ours.mib, "MiB", goal=f"< {PEAK_MIB} MiB", met=ours.mib < PEAK_MIB)

    # How.

    def made(self, name, n):
        folder = self.inputs / f"{name}-{n}"
        if not (folder / ".ready").exists():
            print(f"drift: making {name} of {n:,}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, HERE / "drift_input.py", folder, name, str(n)], check=True)
            (folder / ".ready").touch()
        return folder

    def floor_command(self, path):
        """Sums of every column by the reader that we profile with, and nothing else: what a profile cannot be faster than."""
        return [self.floor, path] if self.floor and self.floor.exists() else None

    def ours(self, what, *args, kept=False):
        """`kept`: with what it has kept from the time before."""
        if not kept:
            shutil.rmtree(self.scratch / "data", ignore_errors=True)
        # 3: read to the end, and the verdict is drift.
        return self.run(f"signalbox data {what}", [self.cli, "data", what, *args, "--json"], good=(0, 3))

    def peer(self, name, *paths):
        """`None` where its Python is not."""
        python = os.environ.get(f"SIGNALBOX_PYTHON_{PEERS[name.split('_')[0]]}")
        return python and self.run(name, [python, HERE / "drift_peers.py", name, self.columns, *paths])

    def run(self, name, command, good=(0,)):
        self.scratch.mkdir(parents=True, exist_ok=True)
        out, err = self.scratch / "stdout", self.scratch / "stderr"
        env = os.environ | {"XDG_DATA_HOME": str(self.scratch / "data")}
        measured = [sys.executable, "-I", "-S", HERE / "measured.py", out, err, *command]
        done = subprocess.run([str(word) for word in measured], check=True, stdout=subprocess.PIPE, text=True, env=env)
        cost = json.loads(done.stdout)
        if cost.pop("code") not in good:
            raise SystemExit(f"{name} failed:\n{err.read_text()[-2000:]}")
        said = json.loads(out.read_text()) if name.split("_")[0] in PEERS else {}
        return Cost(said.get("engine", name), **cost, found=said.get("found"))

    def in_turn(self, programs):
        """Each REPEAT times, in turn; the least CPU of each, by name. Those that are not there are left out."""
        best = {}
        for _ in range(REPEAT):
            for name, program in programs.items():
                if (cost := program and program()) and (name not in best or cost.cpu < best[name].cpu):
                    best[name] = cost
        for name, cost in best.items():
            print(f"  {cost}  {name}", flush=True)
        return best


def same_counts(one, other):
    """Two engines that count differently do not do the same work."""
    if not (one and other):
        return
    for column, mine in one.found.items():
        theirs = other.found[column]
        keys = ("n", "nulls", "min", "max", "bins") if "bins" in mine else mine
        assert all(mine[key] == theirs[key] for key in keys), f"{one.engine} and {other.engine} differ in {column}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir(), "signalbox-bench"))
    parser.add_argument("--quick", action="store_true", help="small inputs, to try the bench itself")
    args = parser.parse_args()
    Drift(args.work, args.quick).measure()


if __name__ == "__main__":
    main()
