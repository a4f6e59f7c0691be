"""The peers: TensorBoard's Rust data server, TensorBoard's Python readers, MLflow's Python client."""

import pathlib
import subprocess
import tempfile
import time


class DataServer:
    """TensorBoard's own Rust server (PyPI: tensorboard-data-server), asked over its gRPC as TensorBoard asks it."""

    def __init__(self):
        import tensorboard_data_server

        self.binary = tensorboard_data_server.server_binary()
        self.version = subprocess.run([self.binary, "--version"], capture_output=True, text=True).stdout.split()[-1]

    def load(self, folder, n_runs, last_step, *options):
        """Seconds from its start until ListScalars shows every run's last step and ReadScalars reads one of each."""
        import grpc
        from tensorboard.data.proto import data_provider_pb2 as pb
        from tensorboard.data.proto import data_provider_pb2_grpc as rpc

        with tempfile.TemporaryDirectory() as place:
            port_file = pathlib.Path(place, "port")
            command = [self.binary, "--logdir", str(folder), "--port", "0", "--port-file", str(port_file), "--reload", "once", *options]
            began = time.monotonic()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                while not port_file.exists() or not port_file.read_text().endswith("\n"):
                    time.sleep(0.002)
                # A path of our own: a proxy in the environment is not for loopback.
                channel = grpc.insecure_channel(f"localhost:{port_file.read_text().strip()}", [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)])
                stub = rpc.TensorBoardDataProviderStub(channel)
                plugin = pb.PluginFilter(plugin_name="scalars")
                while True:
                    listed = stub.ListScalars(pb.ListScalarsRequest(experiment_id="x", plugin_filter=plugin), wait_for_ready=True)
                    tags = [tag for run in listed.runs for tag in run.tags]
                    if len(listed.runs) == n_runs and all(tag.metadata.max_step == last_step for tag in tags):
                        break
                    time.sleep(0.01)
                read = stub.ReadScalars(pb.ReadScalarsRequest(experiment_id="x", plugin_filter=plugin, downsample=pb.Downsample(num_points=10)))
                assert len(read.runs) == n_runs
                took = time.monotonic() - began
                channel.close()
                return took
            finally:
                child.kill()
                child.wait()


def event_files(folder):
    return sorted(p for p in pathlib.Path(folder).rglob("*tfevents*") if p.is_file())


def event_file_loader(folder):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    began, n = time.monotonic(), 0
    for path in event_files(folder):
        for event in EventFileLoader(str(path)).Load():
            n += len(event.summary.value)
    return time.monotonic() - began, n


def event_accumulator(folder):
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    began, n = time.monotonic(), 0
    for path in event_files(folder):
        accumulator = EventAccumulator(str(path.parent), size_guidance={SCALARS: 0, "tensors": 0})
        accumulator.Reload()
        for tag in accumulator.Tags()["scalars"]:
            n += len(accumulator.Scalars(tag))
        for tag in accumulator.Tags()["tensors"]:
            n += len(accumulator.Tensors(tag))
    return time.monotonic() - began, n


def search_runs(uri, n_runs):
    """Seconds until `mlflow.search_runs` has every run in its table. The store is open, its schema checked."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    experiments = [one.experiment_id for one in mlflow.search_experiments()]
    began = time.monotonic()
    table = mlflow.search_runs(experiments, max_results=2 * n_runs)
    took = time.monotonic() - began
    assert len(table) == n_runs, f"search_runs found {len(table)} of {n_runs} runs"
    return took


def metric_histories(uri, n_runs, keys):
    """Seconds and points of `get_metric_history` of every key of so many runs."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = [run.info.run_id for run in client.search_runs(experiments, max_results=n_runs)]
    began, n = time.monotonic(), 0
    for run in runs:
        for key in keys:
            n += len(client.get_metric_history(run, key))
    return time.monotonic() - began, n
