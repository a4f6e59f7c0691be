import type { AllowModels, CallError, ErrorCode } from "./wire";

/** A command that did not succeed: what the backend said, or `offline` when it could not be asked. */
export class HostError extends Error {
  readonly code: ErrorCode | "offline";
  readonly hint: string | null;
  readonly detail: CallError["detail"];
  readonly models: AllowModels | null;

  constructor(code: ErrorCode | "offline", message: string, hint: string | null = null, detail: CallError["detail"] = null, models: AllowModels | null = null) {
    super(message);
    this.name = "HostError";
    this.code = code;
    this.hint = hint;
    this.detail = detail;
    this.models = models;
  }
}

/** Whatever a transport threw, as a `HostError`. */
export function toHostError(thrown: unknown): HostError {
  if (thrown instanceof HostError) return thrown;
  if (isCallError(thrown)) return new HostError(thrown.code, thrown.message, thrown.hint ?? null, thrown.detail ?? null, thrown.models ?? null);
  if (typeof thrown === "string") return new HostError("internal", thrown);
  return new HostError("internal", thrown instanceof Error ? thrown.message : "The command failed without saying why.");
}

function isCallError(value: unknown): value is CallError {
  return typeof value === "object" && value !== null && "code" in value && "message" in value && typeof value.message === "string";
}
