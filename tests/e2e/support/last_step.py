"""The last step in a folder of event files, by TensorBoard's own reader: last_step.py FOLDER. Prints LAST step."""

import glob
import sys

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

events = [e for f in glob.glob(sys.argv[1] + "/*tfevents*") for e in LegacyEventFileLoader(f).Load()]
print("LAST", max(e.step for e in events if e.HasField("summary")))
