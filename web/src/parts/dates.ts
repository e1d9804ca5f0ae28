/** Moments of the server (UTC) as they are on the clock of the person who reads them. */

const two = (part: number): string => String(part).padStart(2, "0");

/** `2026-11-28`. */
export function formatDate(iso: string): string {
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `2026-11-28 15:06`. */
export function formatDateTime(iso: string): string {
  const at = new Date(iso);
  return `${formatDate(iso)} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
