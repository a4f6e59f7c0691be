import type { SecretsView, StoreSecret } from "$lib/host";

/** What a secret may be for, as the backend names the kinds, in the words of the field. */
export const kinds: readonly { value: string; label: string }[] = [
  { value: "mlflow", label: "MLflow" },
  { value: "oci", label: "Container registry" },
  { value: "ray", label: "Ray Serve" },
  { value: "v2", label: "V2 inference protocol" },
  { value: "prometheus", label: "Prometheus" },
  { value: "database", label: "Database" },
];

export const kindTitle = (kind: string) => kinds.find((known) => known.value === kind)?.label ?? kind;

/** What must be done before a secret can be kept at all; null: it can. */
export function firstNeeds({ keychain, vault }: Pick<SecretsView, "keychain" | "vault">): "make" | "unlock" | null {
  if (!keychain || vault === "open") return null;
  return vault === "locked" ? "unlock" : "make";
}

/** Where the next secret goes, for the button that sends it. */
export const keeper = ({ keychain }: Pick<SecretsView, "keychain">) => (keychain ? "vault" : "keychain");

export interface Typed {
  kind: string;
  url: string;
  as: "token" | "password";
  user: string;
  secret: string;
}

/** What is sent; null while something is missing. A password's spaces are its own, a token has none. */
export function toStore({ kind, url, as, user, secret }: Typed): StoreSecret | null {
  const what = as === "token" ? secret.trim() : secret;
  if (!kind || !url.trim() || !what || (as === "password" && !user.trim())) return null;
  return { kind, url: url.trim(), secret: what, ...(as === "password" ? { user: user.trim() } : {}) };
}
