/** Which codebook: a built-in one, or a file of one's own. */

import { useState } from "react";

export interface ChosenCodebook { readonly codebook?: string; readonly codebook_yaml?: string }

/** `onChoose` is told `null` while "a file" is chosen and no file is. */
export function CodebookChoice({ onChoose }: { onChoose: (chosen: ChosenCodebook | null) => void }) {
  const [name, setName] = useState("artistic-women");
  const choose = (next: string): void => {
    setName(next);
    onChoose(next === "file" ? null : { codebook: next });
  };
  const read = (file: File | undefined): void => {
    onChoose(null);
    if (file !== undefined) void file.text().then((text) => onChoose({ codebook_yaml: text }));
  };
  return (
    <>
      <label>Codebook
        <select value={name} onChange={(event) => choose(event.target.value)}>
          <option value="artistic-women">Artistic gymnastics, women (built in)</option>
          <option value="diving">Diving (built in)</option>
          <option value="file">A codebook.yaml of your own …</option>
        </select>
      </label>
      {name === "file" && <label>codebook.yaml<input type="file" accept=".yaml,.yml" required onChange={(event) => read(event.target.files?.[0])} /></label>}
    </>
  );
}
