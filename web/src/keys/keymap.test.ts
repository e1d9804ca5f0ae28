import { expect, test } from "vitest";
import { ACTIONS, describeKey, findAction, listKeys, remap } from "./keymap";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}) =>
  ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

test("no key does two things", () => {
  const keys = ACTIONS.flatMap((action) => action.keys);
  expect(keys.filter((key, k) => keys.indexOf(key) !== k)).toEqual([]);
});

test("presses are described the same on every keyboard", () => {
  expect(describeKey(press("j"))).toBe("J");
  expect(describeKey(press("J", { shiftKey: true }))).toBe("Shift+J");
  expect(describeKey(press(" "))).toBe("Space");
  expect(describeKey(press("?", { shiftKey: true }))).toBe("?");
  expect(describeKey(press("z", { metaKey: true }))).toBe("Ctrl+Z");
  expect(describeKey(press("Z", { ctrlKey: true, shiftKey: true }))).toBe("Ctrl+Shift+Z");
  expect(describeKey(press("ArrowLeft", { shiftKey: true }))).toBe("Shift+ArrowLeft");
  expect(describeKey(press("Shift", { shiftKey: true }))).toBeNull();
});

test("a remapped key leaves the action that had it", () => {
  const { overrides, taken } = remap({}, "loop", "J");
  expect(taken).toBe("shuttle_back");
  expect(findAction(overrides, "J")).toBe("loop");
  expect(findAction(overrides, "P")).toBeNull();
  expect(listKeys(overrides).get("shuttle_back")).toEqual([]);
  expect(remap(overrides, "loop", "J").taken).toBeNull();
});
