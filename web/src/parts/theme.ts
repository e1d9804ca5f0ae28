/** Light or dark: as the machine says, or as the person chose. */

import { useEffect } from "react";

export type Theme = "system" | "light" | "dark";

export function readTheme(preferences: Readonly<Record<string, unknown>> | undefined): Theme {
  const chosen = preferences?.["theme"] ?? localStorage.getItem("finegym.theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function usePreferredTheme(preferences: Readonly<Record<string, unknown>> | undefined): void {
  const theme = readTheme(preferences);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("finegym.theme", theme); // for the page before the log-in
  }, [theme]);
}
