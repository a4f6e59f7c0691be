"""Event files by tensorboardX and by TensorBoard's own writer."""

import struct

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboardX import SummaryWriter
from told import curve, stage


def single(points):
    """As they are kept, in 32 bits."""
    return [(step, struct.unpack("f", struct.pack("f", value))[0]) for step, value in points]


# Its `flush` leaves what still waits in a queue.
writer = SummaryWriter("runs/first", flush_secs=1)
odd = list(enumerate([float("nan"), float("inf"), float("-inf"), 0.0]))
for step, value in curve(6):
    writer.add_scalar("train/loss", value, step)
first = {"format": "tensorboard", "rel": "runs/first"}
stage({**first, "series": {"train/loss": single(curve(6))}})
for step, value in odd:
    writer.add_scalar("odd", value, step)
writer.add_scalar("far", 0.5, 2**40)
writer.close()
other = EventFileWriter("runs/second")
for step, value in curve(3):
    other.add_event(Event(step=step, wall_time=1.8e9 + step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=value)])))
other.close()
whole = {"train/loss": single(curve(6)), "odd": odd, "far": [(2**40, 0.5)]}
stage({**first, "series": whole}, {"format": "tensorboard", "rel": "runs/second", "series": {"loss": single(curve(3))}})
