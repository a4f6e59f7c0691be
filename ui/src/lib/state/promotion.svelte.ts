import { call, toHostError, type AllowModels, type Commands, type HostError, type PlanView } from "$lib/host";
import { router } from "$lib/router.svelte";

type Ask = Commands["propose"]["args"];

/** The plan that the sheet shows; which one it is stands in the address. */
class Promotion {
  /** What a plan is being made of. */
  asking = $state.raw<Ask | null>(null);
  error = $state.raw<HostError | null>(null);
  /** The plan that was made last, so that the sheet need not ask for it. */
  fresh = $state.raw<PlanView | null>(null);
  #asked = 0;
  #make: (() => Promise<PlanView>) | null = null;

  /** Makes a plan and shows it. Nothing is done yet. */
  async propose(args: Ask) {
    await this.#ask(args, () => call("propose", args));
  }

  async rollBack({ target, service, project }: Commands["propose_rollback"]["args"]) {
    await this.#ask({}, () => call("propose_rollback", { target, service, project }));
  }

  async #ask(args: Ask, make: () => Promise<PlanView>) {
    const mine = ++this.#asked;
    this.asking = args;
    this.#make = make;
    this.error = null;
    try {
      const plan = await make();
      if (mine !== this.#asked) return;
      this.fresh = plan;
      this.asking = null;
      router.setQuery({ plan: plan.row.id });
    } catch (thrown) {
      if (mine === this.#asked) this.error = toHostError(thrown);
    }
  }

  /** Once what was missing is allowed. */
  async allowModels(models: AllowModels) {
    const [asking, make] = [this.asking, this.#make];
    try {
      await call("allow_models", models);
    } catch (thrown) {
      this.error = toHostError(thrown);
      return;
    }
    if (asking && make) await this.#ask(asking, make);
  }

  close() {
    this.#asked++;
    this.asking = null;
    this.error = null;
    this.fresh = null;
    router.setQuery({ plan: null });
  }
}

export const promotion = new Promotion();
