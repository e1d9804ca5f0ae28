/** Every key, and what it does; each can be given another. */

import { useState, type KeyboardEvent } from "react";
import { useSavePreferences } from "../api/queries";
import { ACTIONS, describeKey, listKeys, remap, type ActionId } from "../keys/keymap";
import { Dialog } from "../parts/dialog";
import { useWork } from "./context";

const SIGNS: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Space: "space", Delete: "Del", Backspace: "⌫", Escape: "Esc", Shift: "⇧", Enter: "↵" };

export function showKey(key: string): string {
  return key.split("+").map((part) => SIGNS[part] ?? part).join(" ") || "+";
}

export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const { person, keys } = useWork();
  const save = useSavePreferences();
  const [changing, setChanging] = useState<ActionId | null>(null);
  const [said, setSaid] = useState("");
  const current = listKeys(keys);
  const groups = [...new Set(ACTIONS.map((one) => one.group))];
  const onKey = (event: KeyboardEvent): void => {
    if (changing === null || event.key === "Tab") return;
    const key = describeKey(event.nativeEvent);
    if (key === null) return;
    event.preventDefault();
    event.stopPropagation();
    setChanging(null);
    if (key === "Escape") return;
    const { overrides, taken } = remap(keys, changing, key);
    const other = ACTIONS.find((one) => one.id === taken);
    setSaid(other === undefined ? `Now on ${showKey(key)}.` : `Now on ${showKey(key)}; “${other.title}” has no such key any more.`);
    save.mutate({ ...person.preferences, keys: overrides });
  };
  const reset = (): void => {
    save.mutate({ ...person.preferences, keys: {} });
    setSaid("All keys are as they were.");
  };
  return (
    <Dialog title="Keys" onClose={onClose} isWide>
      <div className="sheet" onKeyDown={onKey}>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {ACTIONS.filter((one) => one.group === group).map((one) => (
                <div key={one.id}>
                  <dt>{one.title}</dt>
                  <dd>
                    <button type="button" className="keycap" onClick={() => setChanging(one.id)}>
                      <span className="visually-hidden">Change the key of “{one.title}”, now </span>
                      {changing === one.id ? "press a key …" : current.get(one.id)!.map((key) => <kbd key={key}>{showKey(key)}</kbd>)}
                      {changing !== one.id && current.get(one.id)!.length === 0 && "none"}
                    </button>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section><h3>Labels</h3><p className="faint">1 to 9 give the selected segment a label; the list beside the video says which. In an adjudication they take it as the pass of that number has it.</p></section>
      </div>
      <div className="row end"><p className="grow" role="status">{said}</p><button type="button" onClick={reset}>All keys as they were</button></div>
    </Dialog>
  );
}
