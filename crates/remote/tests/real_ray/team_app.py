"""Other teams' applications: they say who they are."""

from ray import serve


@serve.deployment
class Team:
    def __init__(self, args):
        self.args = args

    def reconfigure(self, config):
        self.config = config

    def __call__(self, request):
        return {"args": self.args, "config": self.config}


def build(args):
    return Team.bind(args)


@serve.deployment
class Versioned:
    """A team's own way to serve a version: one number from the file that it is given."""

    def __init__(self, path, version):
        with open(f"{path}/factor") as file:
            self.factor = float(file.read())
        self.version = version

    async def __call__(self, request):
        body = await request.json()
        return {"predictions": [x * self.factor for x in body["inputs"]], "version": self.version}


def build_version(args):
    return Versioned.bind(args["path"], args["version"])


if __name__ == "__main__":
    # Deploys an application from a program, as notebooks do.
    import ray

    ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
    app = Team.options(user_config={}, ray_actor_options={"num_cpus": 0}).bind({"by": "program"})
    serve.run(app, name="notebook", route_prefix="/notebook")
