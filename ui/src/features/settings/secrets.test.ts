import { describe, expect, test } from "vitest";
import { firstNeeds, keeper, kindTitle, toStore, type Typed } from "./secrets";

const none = { message: "there is no keychain here", hint: null, code: "local" };

describe("what must be done before a secret can be kept", () => {
  test.each([
    [null, "missing", null],
    [null, "locked", null],
    [none, "missing", "make"],
    [none, "locked", "unlock"],
    [none, "open", null],
  ] as const)("keychain %o, vault %s: %s", (keychain, vault, expected) => expect(firstNeeds({ keychain, vault })).toBe(expected));

  test("without a keychain the vault keeps it", () => {
    expect(keeper({ keychain: null })).toBe("keychain");
    expect(keeper({ keychain: none })).toBe("vault");
  });
});

describe("what is sent", () => {
  const typed = (change: Partial<Typed>): Typed => ({ kind: "mlflow", url: " https://mlflow.example ", as: "token", user: "", secret: "abc", ...change });

  test("a token has no user and no blanks, though one was typed before", () =>
    expect(toStore(typed({ secret: " abc\n", user: "ada" }))).toEqual({ kind: "mlflow", url: "https://mlflow.example", secret: "abc" }));
  test("a password keeps its blanks", () =>
    expect(toStore(typed({ as: "password", user: " ada ", secret: " a b " }))).toEqual({ kind: "mlflow", url: "https://mlflow.example", user: "ada", secret: " a b " }));
  test.each([{ secret: "" }, { secret: "  " }, { url: " " }, { kind: "" }, { as: "password", user: " " }] as Partial<Typed>[])("nothing while something is missing: %o", (change) =>
    expect(toStore(typed(change))).toBeNull());
});

test("a kind that this page does not know keeps its own name", () => {
  expect(kindTitle("oci")).toBe("Container registry");
  expect(kindTitle("new")).toBe("new");
});
