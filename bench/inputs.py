"""Where inputs lie: made once, kept beside the work folder until `make clean`, or until what makes them changes."""

import hashlib
import pathlib
import shutil
import subprocess

from results import HERE, step

EVENTS = (HERE / "src/bin/generate.rs", HERE.parent / "crates/testkit/src/tfevents.rs")


class Inputs:
    def __init__(self, work, bin):
        self.folder, self.bin = work.with_name(f"{work.name}-inputs"), bin

    def made(self, name, makers, make):
        """The folder that `make(folder)` fills. Nothing of ours is put into it: its files are counted."""
        makers = [pathlib.Path(maker.__file__) if hasattr(maker, "__file__") else maker for maker in makers]
        by = hashlib.sha256(b"".join(path.read_bytes() for path in makers)).hexdigest()[:8]
        folder, ready = self.folder / f"{name}-{by}", self.folder / f"{name}-{by}.ready"
        if ready.exists():
            return folder
        for stale in self.folder.glob(f"{name}-????????*"):
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
        step(f"  making {name}")
        folder.mkdir(parents=True)
        make(folder)
        ready.touch()
        return folder

    def events(self, name, n_runs, n_steps, *tags):
        """Event files by bench-generate, six tags a run unless they are named; and their bytes."""
        make = lambda folder: generate(self.bin, folder, n_runs, n_steps, *tags)
        folder = self.made(f"{name}-{n_runs}x{n_steps}", EVENTS, make)
        return folder, bytes_below(folder)


def generate(bin, folder, n_runs, n_steps, *tags):
    subprocess.run([bin / "bench-generate", folder, str(n_runs), str(n_steps), *tags], check=True, capture_output=True)


def bytes_below(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def warm(folder):
    """Into the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb", buffering=0) as opened:
                while opened.read(1 << 22):
                    pass
