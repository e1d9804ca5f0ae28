/** The keyboard of a work page. */

import { useEffect, useRef } from "react";
import { describeKey, findAction, type ActionId, type Overrides } from "../keys/keymap";

export type Handlers = Partial<Record<ActionId, () => void>>;

/** Keys that belong to the control that has the focus. */
function isTaken(event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog") !== null) return true;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (target instanceof HTMLInputElement) return true;
  const isPressable = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement || target.tagName === "SUMMARY";
  return isPressable && !event.ctrlKey && !event.metaKey && (event.key === "Enter" || event.key === " ");
}

/** A button that was clicked gives the keyboard back: space plays then, and does not press the button again. */
function giveBack(event: MouseEvent): void {
  const isMouse = event.detail > 0; // a button pressed by a key keeps the focus
  const pressed = event.target instanceof Element ? event.target.closest("button") : null;
  if (isMouse && pressed !== null && pressed.closest("dialog") === null) pressed.blur();
}

/**
 * Call a handler a key; `onDigit` gets 1 to 9. Keys of controls with the focus, and of open dialogs, stay theirs.
 */
export function useKeys(overrides: Overrides, handlers: Handlers, onDigit?: (digit: number) => void): void {
  const latest = useRef({ overrides, handlers, onDigit });
  latest.current = { overrides, handlers, onDigit };
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || isTaken(event)) return;
      const key = describeKey(event);
      if (key === null) return;
      const now = latest.current;
      const action = findAction(now.overrides, key);
      const handler = action === null ? undefined : now.handlers[action];
      if (handler !== undefined) {
        event.preventDefault();
        handler();
      } else if (/^[1-9]$/.test(key) && now.onDigit !== undefined) {
        event.preventDefault();
        now.onDigit(Number(key));
      }
    };
    window.addEventListener("keydown", onKeyDown);
    window.addEventListener("click", giveBack);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      window.removeEventListener("click", giveBack);
    };
  }, []);
}
