import { HostError } from "../error";
import type { Commands, KeptView, SecretsView } from "../wire";

type Names = "secrets" | "store_secret" | "forget_secret" | "make_vault" | "unlock_vault" | "lock_vault";
type Handlers = { [N in Names]: (args: Commands[N]["args"]) => Commands[N]["reply"] };

const vault = new URLSearchParams(location.search).get("vault");
/** The vault locks itself before the first secret comes. */
let relocks = vault === "relocks";
const state: SecretsView = {
  keychain: vault === null ? null : { message: "There is no keychain here.", hint: "Make a vault with a passphrase.", code: "local" },
  vault: vault === "relocks" ? "open" : (vault ?? "missing"),
  kept: [{ kind: "mlflow", origin: "https://mlflow.example", user: "ada", at: "keychain", stored: 1_794_000_000 }],
  failure: null,
  systems: [
    { project: 1, name: "team", kind: "mlflow", origin: "https://mlflow.example", from: "Signalbox, in the system's keychain", user: "ada", warning: null, failure: null },
    { project: 1, name: "images", kind: "oci", origin: "https://ghcr.io", from: "~/.docker/config.json", user: "ada", warning: "Others on this machine can read ~/.docker/config.json.", failure: null },
    { project: 1, name: "cluster", kind: "ray", origin: "http://127.0.0.1:8265", from: null, user: null, warning: null, failure: null },
  ],
};

type Named = { kind: string; url: string; user?: string };
const named = ({ kind, url, user }: Named): Pick<KeptView, "kind" | "origin" | "user"> => ({ kind, origin: new URL(url).origin, user: user ?? null });
const others = (gone: Pick<KeptView, "kind" | "origin" | "user">): KeptView[] =>
  state.kept.filter((kept) => kept.kind !== gone.kind || kept.origin !== gone.origin || kept.user !== gone.user);

/** Keeps who, never what. */
export const secrets: Handlers = {
  secrets: () => structuredClone(state),
  store_secret: (args) => {
    const place = named(args);
    const at = state.keychain ? "vault" : "keychain";
    if (relocks) [relocks, state.vault] = [false, "locked"];
    if (at === "vault" && state.vault !== "open") throw new HostError("refused", "The vault is locked.", "Unlock it with its passphrase.");
    state.kept = [{ ...place, at, stored: Date.now() / 1000 }, ...others(place)];
    const { from, user } = { from: `Signalbox, in ${at === "vault" ? "its vault" : "the system's keychain"}`, user: place.user };
    state.systems = state.systems.map((system) => (system.kind === place.kind && system.origin === place.origin ? { ...system, from, user } : system));
    return { at };
  },
  forget_secret: (args) => {
    state.kept = others(named(args));
    return null;
  },
  make_vault: () => {
    state.vault = "open";
    return null;
  },
  unlock_vault: ({ passphrase }) => {
    if (passphrase === "wrong") throw new HostError("refused", "This is not the vault's passphrase.", "Type it again; nobody can tell it to you.");
    state.vault = "open";
    return null;
  },
  lock_vault: () => {
    state.vault = "locked";
    return null;
  },
};
