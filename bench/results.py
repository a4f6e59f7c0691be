"""What a bench tells: rows of figures, ours beside the peers', with the goal where there is one."""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
REPEAT = 3
PEAK_MIB = 300
HIGHER_IS_BETTER = ("MB/s", "points/s")


class Results:
    def __init__(self, out):
        self.out, self.rows = out, []

    def add(self, name, value, unit, peer=None, peer_value=None, goal=None, met=None):
        ratio = None
        if peer_value:
            ratio = value / peer_value if unit in HIGHER_IS_BETTER else peer_value / value
        row = {"name": name, "value": sig(value), "unit": unit, "peer": peer, "peer_value": sig(peer_value)}
        row |= {"ratio": sig(ratio), "goal": goal, "met": met}
        self.rows.append(row)
        print("  " + line(row), flush=True)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(self.rows, indent=1) + "\n")

    def times(self, name, value, unit, peer, peer_value, times):
        """A figure that should be so many times better than the peer's."""
        ratio = value / peer_value if unit in HIGHER_IS_BETTER else peer_value / value
        self.add(name, value, unit, peer, peer_value, f"≥ {times}× peer", ratio >= times)

    def below(self, name, value, unit, limit, peer=None, peer_value=None):
        """A figure that should stay below a limit."""
        self.add(name, value, unit, peer, peer_value, f"< {limit:,} {unit}", value < limit)


def sig(x, digits=4):
    return None if x is None else float(f"{x:.{digits}g}")


def line(row):
    text = f"{row['name']:<44} {row['value']:>12,.6g} {row['unit']:<9}"
    if row["peer"]:
        text += f" {row['ratio']:>7.2f}× {row['peer']} ({row['peer_value']:,.6g})"
    if row["goal"]:
        text += f"  goal {row['goal']}: {'met' if row['met'] else 'NOT MET'}"
    return text


def step(text):
    print(text, flush=True)


def millions(n):
    return f"{n / 1e6:.3g}M"


def best_of(programs, repeat=REPEAT):
    """Runs each program so many times, in turn; the best seconds of each, by name."""
    best = {}
    for _ in range(repeat):
        for name, program in programs.items():
            best[name] = min(best.get(name, float("inf")), program())
    return best


def measured(command, scratch, **env):
    """A program's cost by measured.py: `cpu` and `wall` seconds, `mib` at its peak. What it printed is in scratch/stdout."""
    scratch.mkdir(parents=True, exist_ok=True)
    out, err = scratch / "stdout", scratch / "stderr"
    bare = [sys.executable, "-I", "-S", HERE / "measured.py", out, err, *command]
    done = subprocess.run([str(word) for word in bare], check=True, stdout=subprocess.PIPE, text=True, env=os.environ | env)
    cost = json.loads(done.stdout)
    if cost["code"] != 0:
        raise SystemExit(f"{command[0]} ended with {cost['code']}:\n{err.read_text()[-2000:]}")
    return cost


def node(script, *args, **env):
    """The rows that one of our scripts prints last."""
    command = ["node", str(HERE / script), *(str(arg) for arg in args)]
    done = subprocess.run(command, env=os.environ | env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"bench/{script} failed with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((l.split(":", 1)[1].strip() for l in info.splitlines() if l.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1:2]
    parts = [model, f"{os.cpu_count()} cores", f"{memory:.0f} GiB", f"Linux {platform.release().split('-')[0]}"]
    return ", ".join(parts + [f"rustc {''.join(rustc)}", f"Python {platform.python_version()}", time.strftime("%Y-%m-%d")])
