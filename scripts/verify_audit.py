"""Verifies what `signalbox audit export` wrote, with nothing but SHA-256: `verify_audit.py FILE [HEAD]`.

A line is {"seq":N,"prev":"…","hash":"…","entry":…}. `hash` is "sha256:" and the hex digits of SHA-256 over `prev`, a
newline, and the bytes of `entry` exactly as they stand in the line. HEAD is a hash that you kept; it must be there."""
import hashlib
import json
import sys

before, n, kept = "", 0, len(sys.argv) < 3
for line in open(sys.argv[1], "rb"):
    head, mark, rest = line.rstrip(b"\n").partition(b',"entry":')
    said, entry = json.loads(head + b"}"), rest[:-1]
    found = "sha256:" + hashlib.sha256(before.encode() + b"\n" + entry).hexdigest()
    if not mark or said["seq"] != n + 1 or json.loads(entry)["seq"] != n + 1:
        sys.exit(f"broken after entry {n}: entries are missing, or not in order")
    if said["prev"] != before or said["hash"] != found:
        sys.exit(f"broken at entry {n + 1}: its hash is {found}")
    before, n, kept = found, n + 1, kept or found == sys.argv[2]
if not kept:
    sys.exit(f"cut off: no entry has the hash {sys.argv[2]}")
print(f"whole: {n} entries, head {before}")
